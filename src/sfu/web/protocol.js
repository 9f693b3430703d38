// The browser protocol (docs/protocol.md): one WebSocket, found again when lost.  Knows no DOM.
//
//   idle --join--> opening --open--> asking --joined--> in --close--> lost --timer--> opening
//    | warm          ^                 |  refused: stays open, join again        (with resume)
//    `--> opening, open, nothing asked yet; a close is no news
//
// `tell(event, detail)` is called with: message, refused, ended, lost, found, unreachable.

const PING_MS = 5000;
const SILENCE_MS = 12000;
const STALE_MS = 7500; // a socket opened early that was silent so long, pings and all, may be dead
const BACKOFF_MS = [500, 1000, 2000, 4000, 8000];
const OPEN_MS = 10000;
const POLICY = 1008;
const TOO_BIG = 1009;

const FINAL = ["too_many_tries", "server_stopping", "not_admitted"];

export class Connection {
  #url;
  #tell;
  #socket = null;
  #wish = null; // what `join` says, with `resume` once we are in
  #inside = false;
  #losses = 0;
  #heardAt = 0;
  #timers = { ping: 0, retry: 0 };

  constructor(url, tell) {
    this.#url = url;
    this.#tell = tell;
  }

  get joined() {
    return this.#inside && this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Open the way before it is asked for: some round trips less until one is in. */
  warm() {
    if (!this.#socket && !this.#wish) this.#open();
  }

  /** Close what was opened early: who comes back may have logged in meanwhile. */
  cool() {
    if (!this.#wish) this.#drop();
  }

  /** Ask to be let in; on the socket there is, after a refusal or opened early, else on a new one. */
  join(fields) {
    this.#wish = { ...fields };
    const state = Date.now() - this.#heardAt < STALE_MS ? this.#socket?.readyState : WebSocket.CLOSED;
    if (state === WebSocket.OPEN) this.say("join", this.#wish);
    else if (state !== WebSocket.CONNECTING) this.#open();
  }

  /** Say something; false where nobody hears it now. */
  say(type, fields = {}) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify({ type, ...fields }));
    return true;
  }

  /** Go for good. */
  leave() {
    this.say("leave");
    this.#forget();
    this.#tell("ended", { code: "left" });
  }

  /** The network may be back: do not wait for the timer. */
  hurry() {
    if (this.#wish?.resume && !this.#socket) this.#open();
  }

  #open() {
    clearTimeout(this.#timers.retry);
    this.#drop();
    const socket = (this.#socket = new WebSocket(this.#url));
    this.#heardAt = Date.now();
    socket.onopen = () => this.#wish && this.say("join", this.#wish);
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = ({ code }) => this.#closed(code);
    this.#timers.ping = setInterval(() => this.#beat(socket), PING_MS / 5);
    this.lastPing = Date.now();
  }

  #beat(socket) {
    const now = Date.now();
    const patience = socket.readyState === WebSocket.OPEN ? SILENCE_MS : OPEN_MS;
    if (now - this.#heardAt > patience) return this.#closed(1006);
    if (now - this.lastPing >= PING_MS) {
      this.lastPing = now;
      this.say("ping");
    }
  }

  #hear(data) {
    this.#heardAt = Date.now();
    const message = JSON.parse(data);
    if (message.type === "joined") this.#enter(message);
    else if (message.type === "refused") this.#refused(message);
    else if (message.type === "ended") this.#ended(message);
    else if (message.type !== "pong") this.#tell("message", message);
  }

  #enter(message) {
    const again = this.#inside;
    this.#inside = true;
    this.#losses = 0;
    this.#wish.resume = message.resume;
    delete this.#wish.offer; // of this once
    this.#tell("message", message);
    if (again) this.#tell("found");
  }

  #refused(message) {
    if (message.code === "server_stopping" && this.#inside) return; // closes by itself; we come back
    const entering = !this.#inside || message.code === "too_many_tries" || this.#resuming(message.code);
    if (entering) {
      this.#inside = false;
      this.#wish = null; // said why: a close after it is no news
      if (FINAL.includes(message.code)) this.#drop(); // closed after it: who asks again needs another
    }
    this.#tell("refused", { ...message, entering });
  }

  /** These refuse a join only: said while inside, they answer our coming back. */
  #resuming(code) {
    return ["unknown_room", "pin_required", "wrong_pin", "invitation_required", "room_full", "name_missing"].includes(code);
  }

  #ended(message) {
    if (message.code === "server_stopping") return; // closes by itself; we come back
    this.#forget();
    this.#tell("ended", message);
  }

  #closed(code) {
    this.#drop();
    if (!this.#wish) return;
    if (code === POLICY || code === TOO_BIG) {
      this.#forget();
      this.#tell("refused", { code: "closed", entering: true });
    } else if (!this.#inside) {
      this.#wish = null;
      this.#tell("unreachable");
    } else {
      if (!this.#losses) this.#tell("lost");
      const wait = BACKOFF_MS[Math.min(this.#losses++, BACKOFF_MS.length - 1)];
      this.#timers.retry = setTimeout(() => this.#open(), wait * (0.8 + 0.4 * Math.random()));
    }
  }

  #forget() {
    this.#inside = false;
    this.#wish = null;
    this.#losses = 0;
    clearTimeout(this.#timers.retry);
    const socket = this.#socket;
    this.#drop(false);
    setTimeout(() => socket?.close(), 300); // let the goodbye out
  }

  #drop(close = true) {
    clearInterval(this.#timers.ping);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (close) socket.close();
  }
}
