// Where the focus is. Parts of the page are drawn anew at any moment. Whoever stood on one stands on it again: on what
// has its id or says the same in the same part; where that is gone, on its neighbour or where the part rests. Nobody
// falls out of the page, and nobody is called away: this acts only while the focus is nowhere or on what can't be seen.
import { STANDS, rests, usable } from "./rests.js";

let spot = null;                        // where the focus is, or was when it was lost

const byId = (id) => document.getElementById(id);
const within = (place) => [...place?.querySelectorAll?.(STANDS) ?? []];
const says = (one) => one.getAttribute("href") ?? (one.name ? `${one.name}=${one.getAttribute("value")}` : one.getAttribute("aria-label") ?? one.textContent.trim());

// What it is known by, once it is another node: the parts that it is in, and what it says where it is none itself.
function known(one) {
  const own = one.matches("details[id] > summary") ? one.parentElement : one, parts = [];
  for (let each = own; each; each = each.parentElement) if (each.id) parts.push(each.id);
  return { parts, tag: one.tagName, words: own.id ? null : says(one) };
}

function found({ parts: [part], tag, words }) {
  const place = part ? byId(part) : document.body;
  if (words === null) return [tag === "SUMMARY" ? place?.querySelector(":scope > summary") ?? place : place];
  return within(place).filter((one) => one.tagName === tag && says(one) === words);
}

// Its neighbours in a part as that was: those below, those above.
function beside(at, part) {
  const all = within(part), here = all.indexOf(at);
  return [...all.slice(here + 1), ...all.slice(0, here).reverse()].flatMap((one) => found(known(one)));
}

const took = (at) => ({ removedNodes }) => [...removedNodes].some((one) => one.contains(at));

function* heirs({ at, over, below, ...name }, records) {
  yield at;
  if (over !== "toasts") yield* found(name);                // another toast takes something else back
  yield at?.closest("details")?.querySelector("summary");   // the menu was closed
  if (below && !byId(over).open) yield* heirs(below, records);
  const from = records.find(took(at))?.target;
  for (const part of [...name.parts, "inbox", "main"]) {
    const was = at?.closest(`[id="${part}"]`);
    yield rests[part]?.(at);
    if (was) yield* beside(at, was);
    else for (const { target, addedNodes } of records) if (target === from) for (const one of addedNodes) yield* within(one);
    yield byId(part);
    yield* within(byId(part));
  }
}

function stand(lost, records = []) {
  for (const one of heirs(lost, records)) {
    if (!usable(one)) continue;
    one.focus();
    if (document.activeElement === one) return;
  }
}

function look({ target: at }) {
  const over = at.closest("dialog, #toasts")?.id;
  spot = { at, ...known(at), over, below: !over ? null : over === spot?.over ? spot.below : spot };
}

// Who clicks beside everything has left; who was left by what they stood on has not.
const leave = ({ target }) => setTimeout(() => {
  if (document.activeElement === document.body && spot?.at === target && usable(target)) spot = null;
});

function drawn(records) {
  if (!spot) return;
  const { at } = spot, here = document.activeElement;
  const lost = here === at
    ? records.some(({ type, target }) => type === "attributes" && target.contains(at)) && !usable(at)
    : here === document.body && (records.some(took(at)) || !usable(at));
  if (lost) stand(spot, records);
}

// The same page again, after a form was sent or a new day began.
function remember() {
  const { at, below, ...kept } = spot?.below ?? spot ?? {};
  try { sessionStorage.setItem("spot", at ? JSON.stringify({ ...kept, path: location.pathname }) : ""); } catch { /* then it begins at the top */ }
}

function again() {
  try {
    const kept = JSON.parse(sessionStorage.getItem("spot") || "{}");
    if (kept.path === location.pathname && document.activeElement === document.body) stand(kept);
  } catch { /* nothing was kept */ }
}

export function keep() {
  addEventListener("focusin", look);
  addEventListener("focusout", leave);
  addEventListener("pagehide", remember);
  new MutationObserver(drawn).observe(document.body, { childList: true, subtree: true, attributeFilter: ["open", "hidden", "data-pane", "data-aside", "data-no-side"] });
  if (document.activeElement !== document.body) look({ target: document.activeElement });
  if (document.readyState === "complete") again();
  else addEventListener("load", again);
}
