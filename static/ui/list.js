// The list of conversations: rows change where they are, then move to their place.
import { draft } from "./store.js";
import { word } from "./shell.js";

const list = document.getElementById("convs");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const late = new Set();      // rows that will move once nobody points at the list
const covered = new WeakMap();   // a preview -> what a draft hides in it
let open = null;

const rows = () => [...list.querySelectorAll(":scope > .conv")];
export const row = (id) => document.getElementById(`conv-${id}`);

// A row as the server draws it now: changed in place, or added if it belongs on what is loaded.
export function put(fresh) {
  const old = document.getElementById(fresh.id);
  if (old) {
    for (const name of ["class", "href", "data-at"]) old.setAttribute(name, fresh.getAttribute(name));
    old.replaceChildren(...fresh.childNodes);
    dress(old);
    settle(old);
    return;
  }
  const after = rows().find((each) => before(fresh, each));
  const more = list.querySelector(":scope > .more");
  if (!after && more) return;               // further down than is loaded
  dress(fresh);
  list.insertBefore(fresh, after ?? more ?? document.getElementById("no-conversations"));
  htmx.process(fresh);
  glow(fresh);
}

export function remove(id) { row(id)?.remove(); }

export function removeRoom(room) {
  for (const each of rows()) if (each.dataset.room === room) each.remove();
}

// My own message: the row says so at once, without waiting for the server.
export function touch(id, text) {
  const own = row(id);
  if (!own) return;
  const you = document.createElement("span");
  you.className = "faint";
  you.textContent = word("you");
  own.querySelector("[data-preview]").replaceChildren(you, ` ${text.slice(0, 120)}`);
  own.dataset.at = new Date().toISOString().replace("Z", "000+00:00");
  settle(own);
}

export function mark(id) {
  open = id;
  for (const each of rows()) dress(each);
}

// What the server does not know about a row: whether it is open here, and what is half written.
export function dress(each) {
  const id = each.id.slice(5);
  if (id === open) each.setAttribute("aria-current", "true");
  else each.removeAttribute("aria-current");
  const preview = each.querySelector("[data-preview]");
  const text = id === open ? "" : draft(id);
  if (!text) {
    if (covered.has(preview)) preview.replaceChildren(...covered.get(preview));
    covered.delete(preview);
    return;
  }
  if (!covered.has(preview)) covered.set(preview, [...preview.childNodes]);
  const label = document.createElement("span");
  label.className = "draft";
  label.textContent = word("draft");
  preview.replaceChildren(label, ` ${text.slice(0, 120)}`);
}

export function step(by) {
  const all = rows();
  if (!all.length) return;
  const from = all.indexOf(document.activeElement.closest(".conv") ?? (open && row(open)) ?? null);
  const to = all[Math.max(0, Math.min(all.length - 1, from + by))];
  to.focus();
  to.scrollIntoView({ block: "nearest" });
}

export const focusOpen = () => (open && row(open) || rows()[0])?.focus();

// Newest first, as the server sorts.
const before = (a, b) => (a.dataset.at === b.dataset.at ? a.id > b.id : a.dataset.at > b.dataset.at);
const held = () => list.matches(":hover") || list.contains(document.activeElement);

function settle(moved) {
  const at = rows(), here = at.indexOf(moved);
  const target = at.find((each) => each !== moved && before(moved, each)) ?? null;
  if ((target ? at.indexOf(target) : at.length) === here + 1) return;    // in its place already
  if (held()) { late.add(moved); return; }
  play(() => list.insertBefore(moved, target ?? list.querySelector(":scope > .more") ?? document.getElementById("no-conversations")));
  glow(moved);
}

// First, last, invert, play: rows glide from where they were to where they are.
function play(change) {
  if (still.matches || document.hidden) return change();
  const was = new Map(rows().map((each) => [each, each.getBoundingClientRect().top]));
  change();
  for (const [each, top] of was) {
    const by = top - each.getBoundingClientRect().top;
    if (by) each.animate([{ translate: `0 ${by}px` }, { translate: "0 0" }], { duration: 220, easing: "cubic-bezier(.2,0,0,1)" });
  }
}

function glow(each) {
  each.classList.add("enter");
  each.addEventListener("animationend", () => each.classList.remove("enter"), { once: true });
}

function release() {
  if (held()) return;
  const waiting = [...late].filter((each) => each.isConnected);
  late.clear();
  waiting.sort((a, b) => (before(a, b) ? 1 : -1)).forEach(settle);
}
list.addEventListener("pointerleave", () => setTimeout(release, 250));
list.addEventListener("focusout", () => setTimeout(release, 250));
