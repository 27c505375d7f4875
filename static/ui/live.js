// The live connection of this page: what it brings is told to those who listen, and the page shows how it is doing.
import { signIn } from "./request.js";
import { Connection } from "./socket.js";
import { announce, noticePlaces, putBanner, say } from "./toasts.js";
import { counted, piece, word } from "./words.js";

const { cursor } = document.body.dataset;      // none on a page without a signed-in reader
const BANNER_AFTER = 3000, BACK_FOR = 4000, LEAVING_FOR = 10_000;
let connection = null;

// ---------------------------------------------------------------- who listens
const listeners = new Map();                   // type of a frame -> functions
const hooks = { live: [], back: [], stale: [] };
const run = (acts) => acts.forEach((act) => act());

export function listen(handlers) {
  for (const [type, act] of Object.entries(handlers)) listeners.set(type, [...listeners.get(type) ?? [], act]);
}

export const whenLive = (act) => hooks.live.push(act);       // connected, also again
export const whenBack = (act) => hooks.back.push(act);       // connected again, and what was missed is there
export const whenStale = (act) => hooks.stale.push(act);     // too much was missed to be told

export const tell = (frame) => connection?.say(frame);
export const isOnline = () => connection?.state === "live" || connection?.state === "delayed";

// A page that shows what the feed tells must be read anew; any other goes on from now.
let catchUp = () => connection.beginAnew();
export function reloadWhenStale() { catchUp = () => location.reload(); }

// A form that changes the password ends this page's sign-in while its answer, with the new one, is on the way.
let leftAt = -Infinity;
addEventListener("beforeunload", () => { leftAt = performance.now(); });

// Once all of the page's scripts listen, so that no frame is missed by one of them.
export function start() {
  if (cursor === undefined) return;
  connection = new Connection(cursor, {
    frame: (frame) => listeners.get(frame.type)?.forEach((act) => act(frame)),
    changed: () => {
      paint();
      if (connection?.state === "live") run(hooks.live);
    },
    back: (missed, away) => {
      sayBack(missed, away);
      run(hooks.back);
    },
    stale: () => {
      catchUp();
      run(hooks.stale);
    },
    signedOut: () => {
      if (performance.now() - leftAt < LEAVING_FOR) return false;
      signIn();
      return true;
    },
  });
  paint();
}

// ---------------------------------------------------------------- the sign, and the banner that explains it
let shown = null, since = 0, ticking = null;

function paint() {
  if (!connection) return;
  const { state } = connection;
  const sign = state === "connecting" ? "retry" : state;
  for (const place of document.querySelectorAll("[data-live]")) {
    place.dataset.state = sign;
    const words = place.querySelector("[data-words]");
    if (words) words.textContent = word(state);
  }
  if (state === "live" || state === "connecting") return hide();
  since ||= Date.now();
  ticking ??= setInterval(tick, 500);
  tick();
}

// Also after a place for notices was drawn anew: it is empty.
export function tick() {
  const places = noticePlaces();
  if (!places.length || !since || Date.now() - since < BANNER_AFTER) return;
  const { state, retryAt } = connection;
  const kind = state === "delayed" ? "delayed-banner" : "lost-banner";
  if (shown !== kind) {
    announce(piece(kind, lost(state, 0)).querySelector(".grow").textContent);
    shown = kind;
  }
  const left = Math.ceil((retryAt - Date.now()) / 1000);
  for (const place of places) {
    if (place.firstElementChild?.dataset.kind !== kind) putBanner(place, withRetry(piece(kind)), kind);
    const text = place.querySelector("[data-words]"), now = lost(state, left);
    if (text.textContent !== now) text.textContent = now;
  }
}

function lost(state, left) {
  if (state === "off" || state === "delayed") return word(`lost.${state}`);
  return left > 0 ? counted("lost", left) : word("lost.now");
}

function withRetry(banner) {
  banner.querySelector("[data-retry-now]").addEventListener("click", () => connection.retryNow());
  return banner;
}

function hide() {
  since = 0;
  clearInterval(ticking);
  ticking = null;
  if (!shown) return;
  shown = null;
  noticePlaces().forEach((place) => place.replaceChildren());
}

// Said after catching up, unless it was too short to notice and nothing came.
function sayBack(missed, away) {
  if (!noticePlaces().length || (!missed && away < BANNER_AFTER)) return;
  say("back-banner", counted("back", missed), BACK_FOR);
}
