// The socket. It is always trying, and knows frames and time; what they mean on the page is others' business.
//
// state: "live"     frames arrive
//        "retry"    lost, and being opened again
//        "delayed"  refused for long: events are fetched every ten seconds instead
//        "off"      the device says it has no network
import { Position } from "./position.js";

const PING = 25_000, PONG = 10_000, READY = 10_000, LONGEST = 30_000;
const POLL_AFTER = 30_000, POLL_EVERY = 10_000;

export class Connection {
  state = "connecting";
  retryAt = 0;           // when the next try begins, for the countdown
  #socket = null;
  #position; #on;
  #tries = 0; #lostAt = 0; #missed = 0;
  #timers = {};

  // on: frame(frame), changed(), back(missed, milliseconds), stale(), signedOut(), which tells whether it was meant
  constructor(cursor, on) {
    this.#position = new Position(cursor);
    this.#on = on;
    addEventListener("online", () => this.retryNow());
    addEventListener("offline", () => this.#lost());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      if (this.state === "live") this.#ping();       // a laptop that slept has a dead socket that looks alive
      else this.retryNow();
    });
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", (event) => { if (event.persisted) { this.#lost(); this.retryNow(); } });
    this.#open();
  }

  retryNow() {
    if (this.state === "live" || this.#socket?.readyState === WebSocket.OPEN) return;
    this.#tries = 0;
    this.#open();
  }

  say(frame) { this.#send(frame); }

  // Go on from here and now: what came before is too long ago.
  beginAnew() {
    this.#position = new Position();
    this.#hello();
  }

  #open() {
    this.#close();
    this.retryAt = 0;
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/inbox?hello`);
    this.#socket = socket;
    this.#after("ready", READY, () => this.#lost());
    socket.onopen = () => this.#hello();
    socket.onmessage = (event) => this.#received(JSON.parse(event.data));
    socket.onclose = (event) => this.#lost(event.code);
    if (this.state !== "connecting") this.#on.changed();
  }

  #close() {
    for (const name of ["ready", "ping", "pong", "retry"]) clearTimeout(this.#timers[name]);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #hello() { this.#send({ type: "hello", cursor: this.#position.cursor }); }

  #send(frame) { if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame)); }

  #received(frame) {
    if (frame.type === "ready") return this.#ready(frame);
    if (frame.type === "pong") return this.#pong(frame);
    if (frame.type === "catch_up") return this.#hello();
    if (frame.type === "resync" || frame.code === "bad_cursor") return this.#on.stale();
    if (frame.type !== "error") this.#apply(frame);
  }

  #apply(frame) {
    if (!this.#position.take(frame)) return;
    if (this.#lostAt && frame.type === "message.created" && frame.message.direction === "inbound") this.#missed += 1;
    this.#on.frame(frame);
  }

  #ready(frame) {
    clearTimeout(this.#timers.ready);
    clearTimeout(this.#timers.poll);
    this.#timers.polling = false;
    this.#position.moveTo(frame.cursor);
    const wasLost = this.#lostAt, missed = this.#missed;
    this.state = "live";
    this.#tries = this.#lostAt = this.#missed = 0;
    this.#after("ping", PING, () => this.#ping());
    this.#on.changed();
    if (wasLost) this.#on.back(missed, Date.now() - wasLost);
  }

  #ping() {
    this.#send({ type: "ping" });
    this.#after("pong", PONG, () => this.#lost());
  }

  #pong(frame) {
    clearTimeout(this.#timers.pong);
    this.#position.renew(frame.cursor);
    this.#after("ping", PING, () => this.#ping());
  }

  #lost(code = 0) {
    this.#close();
    this.#position.cut();
    if ((code === 4401 || code === 4403) && this.#on.signedOut()) return;
    this.#lostAt ||= Date.now();
    if (!navigator.onLine) this.state = "off";
    else if (this.state !== "delayed") this.state = "retry";
    const longest = code === 1012 ? 5000 : Math.min(LONGEST, 1000 * 2 ** this.#tries++);
    const wait = Math.max(300, Math.random() * longest);
    this.retryAt = Date.now() + wait;
    this.#after("retry", wait, () => this.#open());
    if (!this.#timers.polling) this.#pollLater(POLL_AFTER);
    this.#on.changed();
  }

  #pollLater(wait) {
    this.#timers.polling = true;
    this.#after("poll", wait, () => this.#poll());
  }

  async #poll() {
    this.#timers.polling = false;
    if (this.state === "live") return;
    try {
      for (let more = true; more;) {
        const { cursor } = this.#position;
        const response = await fetch(`/api/events${cursor ? `?after=${encodeURIComponent(cursor)}` : ""}`);
        if (response.status === 401 && this.#on.signedOut()) return;
        if (response.status === 400) return this.#on.stale();
        if (!response.ok) throw new Error(`${response.status}`);
        const page = await response.json();
        if (this.state === "live") return;
        page.results.forEach((frame) => this.#apply(frame));
        this.#position.moveTo(page.cursor);
        more = Boolean(page.next);
      }
      this.state = "delayed";
    } catch {
      this.state = navigator.onLine ? "retry" : "off";
    }
    this.#on.changed();
    this.#pollLater(POLL_EVERY);
  }

  #after(name, wait, run) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(run, wait);
  }
}
