/**
 * Server-Sent Events in the shape of a WebSocket, for networks that let no WebSocket through.
 *
 * Input: the address of the socket. Output: `onopen`, `onmessage` with the same frames, `onclose` with the same codes.
 * It is one-way: `send` does nothing.
 */

/** The code that a WebSocket has when a connection is lost without a word. */
const LOST = 1006;

export class EventStream {
  readyState = 0;
  oneWay = true;
  /** @type {(() => void) | null} */ onopen = null;
  /** @type {((event: {data: string}) => void) | null} */ onmessage = null;
  /** @type {((event: {code: number}) => void) | null} */ onclose = null;
  /** @type {EventSource} */ #source;

  /**
   * @param {new (url: string, options?: {withCredentials?: boolean}) => EventSource} Source
   * @param {string} url of the socket
   * @param {string | null} token null: the session's cookie
   */
  constructor(Source, url, token) {
    const address = new URL(url);
    address.protocol = address.protocol === "wss:" ? "https:" : "http:";
    address.pathname = address.pathname.replace(/\/ws\/([^/]+\/)$/, "/sse/$1");
    if (token !== null) address.searchParams.set("token", token);
    this.#source = new Source(address.href, { withCredentials: token === null });
    this.#source.onopen = () => {
      this.readyState = 1;
      this.onopen?.();
    };
    this.#source.onmessage = ({ data }) => {
      const code = codeOf(data);
      if (code === null) this.onmessage?.({ data });
      else this.#end(code);
    };
    // An EventSource would come back by itself, with the same token: the owner knows better when, and with which.
    this.#source.onerror = () => this.#end(LOST);
  }

  send() {}

  close() {
    this.readyState = 3;
    this.#source.close();
  }

  /** @param {number} code */
  #end(code) {
    if (this.readyState === 3) return;
    this.close();
    this.onclose?.({ code });
  }
}

/** The code of a CLOSED event; null of any other. @param {string} data */
function codeOf(data) {
  if (!data.startsWith('{"type":"CLOSED"')) return null;
  return Number(JSON.parse(data).code) || LOST;
}
