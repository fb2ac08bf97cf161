export class EventStream {
    /**
     * @param {new (url: string, options?: {withCredentials?: boolean}) => EventSource} Source
     * @param {string} url of the socket
     * @param {string | null} token null: the session's cookie
     */
    constructor(Source: new (url: string, options?: {
        withCredentials?: boolean;
    }) => EventSource, url: string, token: string | null);
    readyState: number;
    oneWay: boolean;
    /** @type {(() => void) | null} */ onopen: (() => void) | null;
    /** @type {((event: {data: string}) => void) | null} */ onmessage: ((event: {
        data: string;
    }) => void) | null;
    /** @type {((event: {code: number}) => void) | null} */ onclose: ((event: {
        code: number;
    }) => void) | null;
    send(): void;
    close(): void;
    #private;
}
