// What the inbox keeps, counts and asks for, and the socket that brings what is new.
import { number, say, word } from "./shell.js";

// ---------------------------------------------------------------- kept in this browser
// What this person has typed and not sent, until it is sent or they sign out.
const me = document.getElementById("inbox").dataset.me;
const mine = (name) => `messagehub:${me}:${name}`;

function read(name) {
  try { return JSON.parse(localStorage.getItem(mine(name))); } catch { return null; }
}

let closed = false;

function write(name, value) {
  if (closed) return;
  try {
    if (value === null || value === "") localStorage.removeItem(mine(name));
    else localStorage.setItem(mine(name), JSON.stringify(value));
  } catch { /* storage is full or switched off: then only this page remembers */ }
}

export const draft = (conversation) => read(`draft:${conversation}`) ?? "";
export const keepDraft = (conversation, text) => write(`draft:${conversation}`, text.trim() ? text : null);
export const noting = (conversation) => read(`noting:${conversation}`) ?? false;
export const keepNoting = (conversation, on) => write(`noting:${conversation}`, on || null);
export const outbox = () => read("outbox") ?? [];
export const keepOutbox = (entries) => write("outbox", entries.length ? entries : null);

export const cookie = (name) => document.cookie.split("; ").find((each) => each.startsWith(`${name}=`))?.split("=")[1];

export function forgetEverything() {
  closed = true;
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(mine(""))) localStorage.removeItem(key);
  } catch { /* nothing was kept */ }
}

// ---------------------------------------------------------------- asking the server for parts of the page
export const csrf = () => JSON.parse(document.body.getAttribute("hx-headers"));

export function signIn() {
  location.assign(`/login/?next=${encodeURIComponent(location.pathname + location.search)}`);
}

// Signed out meanwhile: the server answers with its sign-in page, which is no part of this one.
export const isSignIn = (address) => new URL(address, location.href).pathname === "/login/";

// A part of the page as the server draws it. Throws where there is none; `status` is 0 without an answer.
export async function part(url, options = {}) {
  const response = await ask(url, options);
  return { content: parsed(await response.text()), told: JSON.parse(response.headers.get("HX-Trigger") ?? "{}") };
}

export async function ask(url, { headers, ...options } = {}) {
  let response;
  try {
    response = await fetch(url, { ...options, headers: { ...headers, "HX-Request": "true" } });
  } catch (error) {
    throw error.name === "AbortError" ? error : Object.assign(new Error(), { status: 0 });
  }
  if (isSignIn(response.url)) { signIn(); throw Object.assign(new Error(), { status: 401 }); }
  if (!response.ok) {
    const plain = response.headers.get("Content-Type")?.startsWith("text/plain");
    throw Object.assign(new Error(plain ? await response.text() : ""), { status: response.status });
  }
  return response;
}

export const post = (url, fields) => part(url, { method: "POST", body: new URLSearchParams(fields), headers: csrf(), keepalive: true });

// What did not work, in words: the server's, or ours where it gave none. Who is signed out is led to the sign-in page.
export function trouble({ status, message }) {
  if (status !== 401) say("trouble-banner", (status && message) || word(status ? "failed" : "no-network"));
}

function parsed(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content;
}

// Collects ids and fetches them together, one request at a time: the slower the answer, the larger the next batch.
export function batched(address, apply) {
  const waiting = new Set();
  let busy = false;

  async function run() {
    const ids = [...waiting].slice(0, 100);
    ids.forEach((id) => waiting.delete(id));
    let pause = 0;
    try {
      const asked = address(), url = new URL(asked, location.href);
      url.searchParams.set("ids", ids.join(","));
      const { content } = await part(url);
      if (address() === asked) apply(content, ids);
      else ids.forEach((id) => waiting.add(id));          // meant for another list than is shown now
    } catch {
      ids.forEach((id) => waiting.add(id));
      pause = 2000;
    }
    if (waiting.size) setTimeout(run, pause);
    else busy = false;
  }

  return (id) => {
    waiting.add(id);
    if (busy) return;
    busy = true;
    setTimeout(run, 15);
  };
}

// ---------------------------------------------------------------- numbers that stand in several places
const icon = document.getElementById("favicon");
const title = document.title.replace(/^\s*\(\d+\)\s*/, "");
const unread = new Map();    // chatroom -> unread messages in it
for (const place of document.querySelectorAll(".rooms [data-unread]")) {
  unread.set(place.dataset.unread, Number(place.querySelector("[data-count]").textContent));
}

export function setUnread(counts) {
  for (const [room, n] of counts) unread.set(room, n);
  paintCounts();
}

// The counts of the tabs, from the same conditions as their lists.
export function setTabs(content) {
  for (const tab of content.querySelectorAll("[data-tab-count]")) {
    const place = document.querySelector(`[data-tab="${tab.dataset.tabCount}"]`);
    if (place) place.textContent = tab.value;
  }
}

export function forgetRoom(room) {
  unread.delete(room);
  document.querySelectorAll(`[data-room-link="${room}"]`).forEach((link) => link.remove());
  paintCounts();
}

function paintCounts() {
  const total = [...unread.values()].reduce((sum, n) => sum + n, 0);
  for (const place of document.querySelectorAll("[data-unread]")) {
    const n = place.dataset.unread === "total" ? total : unread.get(place.dataset.unread) ?? 0;
    place.hidden = !n;
    place.querySelector("[data-count]").textContent = n;
  }
  document.title = total ? `(${total}) ${title}` : title;
  icon.href = total ? icon.dataset.iconUnread : icon.dataset.iconQuiet;
}

export function setBalance(tokens) {
  if (tokens === null || tokens === undefined) return;
  for (const place of document.querySelectorAll("[data-balance]")) place.textContent = number(tokens);
  for (const box of document.querySelectorAll(".balance")) {
    if (tokens < 10) box.dataset.level = "low";
    else delete box.dataset.level;
  }
}

paintCounts();

// ---------------------------------------------------------------- the socket
// It is always trying, and knows frames and time; what they mean on the page is others' business.
//
// state: "live"     frames arrive
//        "retry"    lost, and being opened again
//        "delayed"  refused for long: events are fetched every ten seconds instead
//        "off"      the device says it has no network
const PING = 25_000, PONG = 10_000, READY = 10_000, LONGEST = 30_000;
const POLL_AFTER = 30_000, POLL_EVERY = 10_000;

export class Connection {
  state = "connecting";
  retryAt = 0;           // when the next try begins, for the countdown
  #socket = null;
  #cursor; #on;
  #seen = new Map();     // chatroom -> number of its last event applied
  #tries = 0; #lostAt = 0; #missed = 0; #quiet = null;
  #timers = {};

  // on: frame(frame), changed(), back(missed, milliseconds), reload(), signedOut()
  constructor(cursor, on) {
    this.#cursor = cursor;
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

  #hello() { this.#send({ type: "hello", cursor: this.#cursor }); }

  #send(frame) { if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame)); }

  #received(frame) {
    if (frame.type === "ready") return this.#ready(frame);
    if (frame.type === "pong") return this.#pong(frame);
    if (frame.type === "catch_up") return this.#hello();
    if (frame.type === "resync" || frame.code === "bad_cursor") return this.#on.reload();
    if (frame.type !== "error") this.#apply(frame);
  }

  #apply(frame) {
    if (frame.seq !== undefined) {
      if (frame.seq <= (this.#seen.get(frame.chatroom_id) ?? 0)) return;
      this.#seen.set(frame.chatroom_id, frame.seq);
    }
    if (frame.cursor) { this.#cursor = frame.cursor; this.#quiet = null; }
    if (this.#lostAt && frame.type === "message.created" && frame.message.direction === "inbound") this.#missed += 1;
    this.#on.frame(frame);
  }

  #ready(frame) {
    clearTimeout(this.#timers.ready);
    clearTimeout(this.#timers.poll);
    this.#timers.polling = false;
    this.#cursor = frame.cursor;
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

  // A cursor ages; a pong brings a young one. It may overtake a frame by a hair, so it counts only
  // once the next pong finds that no frame came between.
  #pong(frame) {
    clearTimeout(this.#timers.pong);
    if (this.#quiet) this.#cursor = this.#quiet;
    this.#quiet = frame.cursor;
    this.#after("ping", PING, () => this.#ping());
  }

  #lost(code = 0) {
    this.#close();
    this.#quiet = null;
    if (code === 4401 || code === 4403) return this.#on.signedOut();
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
        const response = await fetch(`/api/events?after=${encodeURIComponent(this.#cursor)}`);
        if (response.status === 401) return this.#on.signedOut();
        if (response.status === 400) return this.#on.reload();
        if (!response.ok) throw new Error(`${response.status}`);
        const page = await response.json();
        if (this.state === "live") return;
        page.results.forEach((frame) => this.#apply(frame));
        this.#cursor = page.cursor;
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
