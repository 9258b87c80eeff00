// The stream: says when something is new, and notices when the cloud can no longer be heard.

const AGAIN_MS = 2000;
const SILENCE_MS = 40000; // the cloud sends something every 15 seconds

export class Connection {
  /** `heard` is given every message, and whether the connection was lost before it; `lost` is called once a loss. */
  constructor(address, heard, lost) {
    this.address = address;
    this.heard = heard;
    this.lost = lost;
    this.lostAt = null;
    this.isOpen = false; // whether anything was heard since the last loss
  }

  open() {
    this.close();
    this.source = new EventSource(this.address);
    this.source.onmessage = (event) => {
      const wasLost = this.lostAt !== null;
      this.lostAt = null;
      this.isOpen = true;
      this.#expectMore();
      this.heard(JSON.parse(event.data), wasLost);
    };
    // Its own attempts end at the first answer that is no stream, and never at silence.
    this.source.onerror = () => this.#tryAgain();
    this.#expectMore();
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
  }

  #expectMore() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#tryAgain(), SILENCE_MS);
  }

  #tryAgain() {
    this.close();
    this.isOpen = false;
    const isNew = this.lostAt === null;
    this.lostAt ??= new Date();
    this.timer = setTimeout(() => this.open(), AGAIN_MS);
    if (isNew) this.lost();
  }
}
