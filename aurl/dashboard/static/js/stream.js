// The one stream of server-sent events: opened again after a lost server, closed while nobody looks.

const KINDS = ["hello", "runs", "points", "names", "alerts", "samples", "run", "log", "resync"];
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;

window.__streamed = 0;

export class Stream {
  /** @param {(state: string, why?: string) => void} onstate live | connecting | lost | refused | asleep */
  constructor(onstate) {
    this.onstate = onstate;
    this.handlers = new Map();
    this.version = null;
    this.wanted = null; // what is asked for, as a query string; a function, since the cursor moves on
    this.source = null;
    this.wait = FIRST_WAIT;
    this.timer = 0;
    this.boot = null;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.sleep() : this.wake()));
    window.addEventListener("online", () => this.wake());
    window.addEventListener("pagehide", () => this.close());
    window.addEventListener("pageshow", (event) => event.persisted && this.wake());
  }

  /** Handlers of a page replace those of the page before. `reopened` is called after a break, when data may be missing.
   *  `version` is that of the list which the page has shown: `resync` is called where it changed before the stream was open. */
  watch(wanted, handlers, version = null) {
    this.wanted = wanted;
    this.version = version;
    this.handlers = new Map(Object.entries(handlers));
    this.open();
  }

  /** Ask for something else of the same page: other names, another cursor. */
  reopen() {
    if (this.wanted) this.open();
  }

  open() {
    this.close();
    if (document.hidden && !window.__awake) return this.onstate("asleep");
    this.onstate("connecting");
    const search = this.wanted();
    const source = new EventSource(search ? `/events?${search}` : "/events");
    this.source = source;
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => source === this.source && this.take(kind, event.data));
    }
    source.onopen = () => {
      if (source !== this.source) return;
      this.wait = FIRST_WAIT;
      this.onstate("live");
    };
    source.onerror = () => source === this.source && this.lost();
  }

  take(kind, text) {
    window.__streamed += 1;
    let data;
    try {
      data = JSON.parse(text);
    } catch {
      return; // half an event: the connection broke, and the next one begins where this one was whole
    }
    if (kind === "hello") {
      const restarted = this.boot !== null && this.boot !== data.boot;
      this.boot = data.boot;
      if (restarted || this.broken) this.handlers.get("reopened")?.(restarted);
      else if (this.version !== null && this.version !== data.version) this.handlers.get("resync")?.();
      this.version = null;
      this.broken = false;
    }
    this.handlers.get(kind)?.(data);
  }

  /** EventSource would try again by itself, but not after a refusal, nor with a new cursor. */
  lost() {
    this.close();
    this.broken = true;
    this.onstate("lost");
    this.timer = setTimeout(() => this.probe(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(LONGEST_WAIT, this.wait * 1.6);
  }

  async probe() {
    try {
      const answer = await fetch("/api/status", { credentials: "same-origin" });
      if (answer.status === 401 || answer.status === 403) {
        this.onstate("refused");
        this.timer = setTimeout(() => this.probe(), LONGEST_WAIT);
        return;
      }
      this.open();
    } catch {
      this.lost();
    }
  }

  sleep() {
    this.close();
    this.broken = true;
    this.onstate("asleep");
  }

  wake() {
    if (this.wanted && !this.source) {
      this.wait = FIRST_WAIT;
      this.open();
    }
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }
}
