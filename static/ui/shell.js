// What every page has: words, menus, dialogs, toasts, the theme, the viewer's zone, and the sign that tells whether
// the page is live.

// ---------------------------------------------------------------- words and small pieces of markup, from the server
const table = new Map();
for (const holder of document.querySelectorAll("template.words, #words")) {
  for (const line of holder.content.children) table.set(line.dataset.word, line.textContent);
}
const plurals = new Intl.PluralRules(document.documentElement.lang);
const numbers = new Intl.NumberFormat(document.documentElement.lang);

export const word = (key, values = {}) => table.get(key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

// "1 message", "2 messages", and where the words have one, a sentence for none.
export function counted(key, n) {
  const form = n === 0 && table.has(`${key}.zero`) ? "zero" : plurals.select(n);
  return word(table.has(`${key}.${form}`) ? `${key}.${form}` : `${key}.other`, { n: numbers.format(n) });
}

export const number = (n) => numbers.format(n);

export function piece(id, words) {
  const node = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const place = node.querySelector("[data-words]");
  if (place && words !== undefined) place.textContent = words;
  return node;
}

// ---------------------------------------------------------------- menus
// <details data-drop> opens by itself; this closes it: by Escape, by a click elsewhere, by leaving it.
const openMenus = () => document.querySelectorAll("details[data-drop][open]");

addEventListener("click", (event) => {
  for (const drop of openMenus()) if (!drop.contains(event.target)) drop.open = false;
});
addEventListener("focusin", (event) => {
  for (const drop of openMenus()) if (!drop.contains(event.target)) drop.open = false;
});
// The account's menu stands in the sidebar and behind the phone's tab bar: there is one of it, where it was opened last.
addEventListener("click", ({ target }) => {
  const drop = target.closest?.("details[data-borrows] > summary")?.parentElement;
  if (drop) drop.append(document.getElementById(drop.dataset.borrows));
}, true);
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const drop of openMenus()) {
    drop.open = false;
    drop.querySelector("summary").focus();
    event.stopImmediatePropagation();
  }
}, true);

// ---------------------------------------------------------------- dialogs
// A part that was fetched into #dialog is shown as one; the server closes it by the event dialog:close, anybody by a
// button with data-close.
const dialog = document.getElementById("dialog");

if (dialog) {
  dialog.addEventListener("htmx:afterSwap", ({ target }) => {
    if (target === dialog && !dialog.open && dialog.childElementCount) dialog.showModal();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.replaceChildren());
  addEventListener("dialog:close", () => dialog.close());
}

// ---------------------------------------------------------------- the focus
// What is told of it here is kept in its place by focus.js, which comes with the first focus.
const STANDS = "a[href], button, summary, input, select, textarea, [tabindex]";
export const rests = {};                // the id of a part -> where the focus rests in it, told what was lost
export const usable = (one) => Boolean(one?.matches?.(STANDS)) && !one.disabled && one.checkVisibility();

let kept = null;
const keepFocus = () => { kept ??= import("./focus.js").then(({ keep }) => keep({ STANDS, rests, usable }), () => {}); };
addEventListener("focusin", keepFocus, { once: true });
try { if (sessionStorage.getItem("spot")) keepFocus(); } catch { /* nothing was kept */ }

// ---------------------------------------------------------------- toasts
const status = document.getElementById("status");
const TOAST_FOR = 6000;

// Said below, for six seconds or until it is looked away from. `action` is {words, run}: Undo, mostly.
export function toast(text, action = null) {
  const place = document.getElementById("toasts"), one = piece("toast", text);
  const button = one.querySelector("button");
  if (action) {
    button.textContent = action.words;
    button.addEventListener("click", () => { one.remove(); action.run(); });
  } else button.remove();
  place.replaceChildren(one);
  status.textContent = text;
  passing(one);
}

function passing(one) {
  const leave = () => { if (one.matches(":hover, :focus-within")) setTimeout(leave, 1000); else one.remove(); };
  setTimeout(leave, TOAST_FOR);
}
document.querySelectorAll("#toasts > .toast").forEach(passing);      // from the page before

// A part of the page that did not come: said in words, unless the page has better ones (the event is then stopped).
for (const failed of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  addEventListener(failed, (event) => {
    if (!event.target.closest?.("#inbox")) toast(word(event.detail.xhr?.status ? "failed" : "no-network"));
  });
}

// ---------------------------------------------------------------- theme and zone
// The form works without this; with it the page keeps its place.
addEventListener("submit", (event) => {
  const form = event.target, wanted = event.submitter?.value;
  if (!form.matches("[data-theme-form]")) return;
  event.preventDefault();
  const body = new FormData(form);
  body.set("theme", wanted);
  fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
  if (wanted === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  document.querySelector("meta[name=color-scheme]").content = wanted === "system" ? "light dark" : wanted;
  for (const button of document.querySelectorAll("[data-theme-form] button")) {
    button.setAttribute("aria-pressed", String(button.value === wanted));
  }
});

// The server writes times as the viewer's clock does.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) document.cookie = `timezone=${zone}; path=/; max-age=31536000; samesite=lax`;

// ---------------------------------------------------------------- the sign, and the banner that explains it
const BANNER_AFTER = 3000, BACK_FOR = 4000;
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
    status.textContent = piece(kind, lost(state, 0)).querySelector(".grow").textContent;
    shown = kind;
  }
  const left = Math.ceil((retryAt - Date.now()) / 1000);
  for (const place of document.querySelectorAll("[data-notices]")) {
    if (place.firstElementChild?.dataset.kind !== kind) put(place, piece(kind), kind);
    const text = place.querySelector("[data-words]"), now = lost(state, left);
    if (text.textContent !== now) text.textContent = now;
  }
}

function lost(state, left) {
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
