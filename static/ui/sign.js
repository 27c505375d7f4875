// The sign that tells whether the page is live, and the banner that explains when it is not.
import { counted, piece, word } from "./words.js";

const BANNER_AFTER = 3000, BACK_FOR = 4000;
const status = document.getElementById("status");
let connection = null, shown = null, since = 0, ticking = null;

export function watch(watched) {
  connection = watched;
  paint();
}

export function paint() {
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

// Also after a new conversation was put on the page: its place for notices is empty.
export function tick() {
  if (!since || Date.now() - since < BANNER_AFTER) return;
  const { state, retryAt } = connection;
  const kind = state === "delayed" ? "delayed-banner" : "lost-banner";
  if (shown !== kind) {
    status.textContent = piece(kind, words(state, 0)).querySelector(".grow").textContent;
    shown = kind;
  }
  const left = Math.ceil((retryAt - Date.now()) / 1000);
  for (const place of document.querySelectorAll("[data-notices]")) {
    if (place.firstElementChild?.dataset.kind !== kind) put(place, piece(kind), kind);
    const text = place.querySelector("[data-words]"), now = words(state, left);
    if (text.textContent !== now) text.textContent = now;
  }
}

function words(state, left) {
  if (state === "off" || state === "delayed") return word(`lost.${state}`);
  return left > 0 ? counted("lost", left) : word("lost.now");
}

function put(place, banner, kind) {
  banner.dataset.kind = kind;
  banner.querySelector("[data-retry-now]")?.addEventListener("click", () => connection.retryNow());
  place.replaceChildren(banner);
}

function hide() {
  since = 0;
  clearInterval(ticking);
  ticking = null;
  if (!shown) return;
  shown = null;
  document.querySelectorAll("[data-notices]").forEach((place) => place.replaceChildren());
}

// Said after catching up, unless it was too short to notice and nothing came.
export function back(missed, away) {
  if (!missed && away < BANNER_AFTER) return;
  say("back-banner", counted("back", missed), BACK_FOR);
}

export function say(kind, text, wait = 8000) {
  const banners = [...document.querySelectorAll("[data-notices]")].map((place) => {
    const banner = piece(kind, text);
    put(place, banner, kind);
    return banner;
  });
  status.textContent = banners[0]?.querySelector(".grow").textContent ?? text;
  setTimeout(() => banners.forEach((banner) => banner.remove()), wait);
}
