export class SharedLog {
    /** @param {Cursor | null} cursor @param {{frame: (frame: Frame) => void, resync: (request: ResyncRequest) => void}} emit */
    constructor(cursor: Cursor | null, emit: {
        frame: (frame: Frame) => void;
        resync: (request: ResyncRequest) => void;
    });
    /** How far this tab has received; null before it is known. @type {Cursor | null} */ cursor: Cursor | null;
    /** Keep a frame for other tabs. @param {Frame} frame */
    keep(frame: Frame): void;
    /** Discard the frames that were kept. */
    discard(): void;
    /**
     * Return the message that brings a tab from its cursor to the head of the leader.
     * @param {Cursor | null} cursor @param {Cursor} head
     */
    answer(cursor: Cursor | null, head: Cursor): {
        what: string;
        frames: import("./protocol.js").Frame[];
        epoch: string;
        detail?: undefined;
    } | {
        what: string;
        detail: {
            reason: string;
            epoch: string;
            seq: number;
        };
        frames?: undefined;
        epoch?: undefined;
    };
    /** Apply the frames of a message; return false where some are missing before them. @param {{frames: Frame[], epoch: string}} message */
    apply({ frames, epoch }: {
        frames: Frame[];
        epoch: string;
    }): boolean;
    /** @param {Frame} frame */
    advance(frame: Frame): void;
    /** @param {ResyncRequest} request */
    resync(request: ResyncRequest): void;
    #private;
}
/**
 * One tab's place in the log that all tabs of a user share, and the newest frames for tabs that lack some.
 *
 * It passes each frame on once and in order, and a `resync` where frames are missing that no tab has kept.
 */
export type Cursor = import("./connection.js").Cursor;
/**
 * One tab's place in the log that all tabs of a user share, and the newest frames for tabs that lack some.
 *
 * It passes each frame on once and in order, and a `resync` where frames are missing that no tab has kept.
 */
export type ResyncRequest = import("./connection.js").ResyncRequest;
/**
 * One tab's place in the log that all tabs of a user share, and the newest frames for tabs that lack some.
 *
 * It passes each frame on once and in order, and a `resync` where frames are missing that no tab has kept.
 */
export type Frame = import("./protocol.js").Frame;
