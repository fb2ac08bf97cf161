/**
 * One tab's place in the log that all tabs of a user share, and the newest frames for tabs that lack some.
 *
 * It passes each frame on once and in order, and a `resync` where frames are missing that no tab has kept.
 *
 * @typedef {import("./connection.js").Cursor} Cursor
 * @typedef {import("./connection.js").ResyncRequest} ResyncRequest
 * @typedef {import("./protocol.js").Frame} Frame
 */

/** Frames that a leader keeps for tabs that open later or fell behind. */
const KEPT = 200;

export class SharedLog {
  /** How far this tab has received; null before it is known. @type {Cursor | null} */ cursor;
  /** @type {Frame[]} newest last, without a gap */ #kept = [];
  /** @type {{frame: (frame: Frame) => void, resync: (request: ResyncRequest) => void}} */ #emit;

  /** @param {Cursor | null} cursor @param {{frame: (frame: Frame) => void, resync: (request: ResyncRequest) => void}} emit */
  constructor(cursor, emit) {
    this.cursor = cursor;
    this.#emit = emit;
  }

  /** Keep a frame for other tabs. @param {Frame} frame */
  keep(frame) {
    this.#kept = [...this.#kept, frame].slice(-KEPT);
  }

  /** Discard the frames that were kept. */
  discard() {
    this.#kept = [];
  }

  /**
   * Return the message that brings a tab from its cursor to the head of the leader.
   * @param {Cursor | null} cursor @param {Cursor} head
   */
  answer(cursor, head) {
    const missed = this.#kept.filter((frame) => cursor !== null && frame.seq > cursor.seq);
    const reaches = cursor !== null && (cursor.seq >= head.seq || missed[0]?.seq === cursor.seq + 1);
    return cursor?.epoch === head.epoch && reaches
      ? { what: "frames", frames: missed, epoch: head.epoch }
      : { what: "resync", detail: { ...head, reason: "JOINED" } };
  }

  /** Apply the frames of a message; return false where some are missing before them. @param {{frames: Frame[], epoch: string}} message */
  apply({ frames, epoch }) {
    for (const frame of frames) {
      if (!this.cursor || this.cursor.epoch !== epoch || frame.seq > this.cursor.seq + 1) return false;
      this.advance(frame);
    }
    return true;
  }

  /** @param {Frame} frame */
  advance(frame) {
    if (this.cursor) {
      if (frame.seq <= this.cursor.seq) return;
      this.cursor.seq = frame.seq;
    }
    this.#emit.frame(frame);
  }

  /** @param {ResyncRequest} request */
  resync(request) {
    // One that was meant for another tab, which had less.
    const has = this.cursor !== null && this.cursor.epoch === request.epoch && this.cursor.seq >= request.seq;
    if (request.reason === "JOINED" && has) return;
    this.cursor = { epoch: request.epoch, seq: request.seq };
    this.#emit.resync(request);
  }
}
