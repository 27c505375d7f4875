// The list: its rows, changed where they are and then moved to their place, and which rows it shows.
import { bringUnread, setUnread } from "../counts.js";
import { draft } from "../drafts.js";
import { batched, part } from "../request.js";
import { rests, usable } from "../rests.js";
import { piece, word } from "../words.js";
import * as thread from "./thread.js";

const list = document.getElementById("convs");
const { rowsUrl, listUrl } = document.getElementById("inbox").dataset;
const still = matchMedia("(prefers-reduced-motion: reduce)");
let filtered = () => {};     // another list was asked for

export function whenFiltered(act) { filtered = act; }

// ---------------------------------------------------------------- rows
const late = new Set();      // rows that will move once nobody points at the list
const covered = new WeakMap();   // a preview -> what a draft hides in it
let current = null, last = null;   // the conversation that is marked as open; the one before

// A row is a link; beside it, in its frame, is the box that selects it.
export const rows = () => [...list.querySelectorAll(":scope > .conv-row > .conv")];
export const rowOf = (id) => document.getElementById(`conv-${id}`);
export const openRow = () => current && rowOf(current);
const frameOf = (row) => row?.parentElement;
const place = (row, before) => list.insertBefore(frameOf(row), frameOf(before) ?? lastPlace());
const lastPlace = () => list.querySelector(":scope > .more") ?? document.getElementById("no-conversations");

// A row as the server draws it now: changed in place, or added if it belongs on what is loaded.
export function putRow(fresh) {
  const old = document.getElementById(fresh.id);
  if (old) {
    for (const name of ["class", "href", "data-at"]) old.setAttribute(name, fresh.getAttribute(name));
    if (fresh.dataset.since) old.dataset.since = fresh.dataset.since;
    else delete old.dataset.since;
    old.replaceChildren(...fresh.childNodes);
    dress(old);
    settle(old);
    return;
  }
  const after = rows().find((each) => before(fresh, each));
  const more = list.querySelector(":scope > .more");
  if (!after && more) return;               // further down than is loaded
  dress(fresh);
  place(fresh, after);
  htmx.process(fresh);
  glow(fresh);
}

export function removeRow(id) { frameOf(rowOf(id))?.remove(); }

// The row below, or above the last one.
export function rowBeside(id) {
  const all = rows(), at = all.indexOf(rowOf(id));
  return at < 0 ? null : all[at + 1] ?? all[at - 1] ?? null;
}

// My own message: the row says so at once, without waiting for the server.
export function touchRow(id, text) {
  const own = rowOf(id);
  if (!own) return;
  const you = document.createElement("span");
  you.className = "faint";
  you.textContent = word("you");
  own.querySelector("[data-preview]").replaceChildren(you, ` ${text.slice(0, 120)}`);
  own.dataset.at = new Date().toISOString().replace("Z", "000+00:00");
  settle(own);
}

export function mark(id) {
  if (current && current !== id) last = current;
  current = id;
  for (const each of rows()) dress(each);
}

// What the server does not know about a row: whether it is open here, and what is half written.
function dress(each) {
  const id = each.id.slice(5);
  if (id === current) each.setAttribute("aria-current", "true");
  else each.removeAttribute("aria-current");
  const preview = each.querySelector("[data-preview]");
  const text = id === current ? "" : draft(id);
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

export function redress(id) {
  const row = rowOf(id);
  if (row) dress(row);
}

export function step(by) {
  const shown = rows();
  if (!shown.length) return;
  const from = shown.indexOf(document.activeElement.closest(".conv-row")?.querySelector(".conv") ?? openRow() ?? null);
  const to = shown[Math.max(0, Math.min(shown.length - 1, from + by))];
  to.focus();
  to.scrollIntoView({ block: "nearest" });
}

// Where the list rests: on the row below the one that was lost; on that of what is open or was; on what else there is.
rests.convs = rests.list = (lost) => {
  if (list.ariaBusy === "true") return list;
  const all = rows();
  if (lost?.matches(".conv") && all.length) return document.getElementById(lost.id) ?? all.find((each) => before(lost, each)) ?? all.at(-1);
  return [rowOf(current), rowOf(last), all[0], ...list.querySelectorAll("a[href], button"), document.querySelector("#list-tools [aria-current]")].find(usable);
};
export const focusRow = () => rests.list()?.focus();

// Newest first, as the server sorts.
const before = (a, b) => (a.dataset.at === b.dataset.at ? a.id > b.id : a.dataset.at > b.dataset.at);
const held = () => list.matches(":hover") || list.querySelector(":focus");

function settle(moved) {
  const at = rows(), here = at.indexOf(moved);
  const target = at.find((each) => each !== moved && before(moved, each)) ?? null;
  if ((target ? at.indexOf(target) : at.length) === here + 1) return;    // in its place already
  if (held()) { late.add(moved); return; }
  glow(moved);                          // drawn, so that its height is known
  play(() => place(moved, target));
}

// First, last, invert, play: rows glide from where they were to where they are. Only those that are seen: each becomes
// a layer of its own meanwhile, and a message that comes then is painted behind fifty of them.
function play(change) {
  if (still.matches || document.hidden) return change();
  const { top: from, bottom: to } = list.getBoundingClientRect();
  const seen = ({ top, bottom }) => bottom > from && top < to;
  const was = new Map(rows().map((each) => [each, each.getBoundingClientRect()]));
  change();
  for (const [each, old] of was) {
    const now = each.getBoundingClientRect(), by = old.top - now.top;
    if (by && (seen(old) || seen(now))) frameOf(each).animate([{ translate: `0 ${by}px` }, { translate: "0 0" }], { duration: 220, easing: "cubic-bezier(.2,0,0,1)" });
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

// How long customers have been waiting, by this clock. Who begins to wait gets the sign from the server.
setInterval(() => {
  for (const row of list.querySelectorAll("[data-since]")) {
    const minutes = Math.floor((Date.now() - Date.parse(row.dataset.since)) / 60_000), place = row.querySelector(".wait");
    if (!place && minutes >= 5) changedRow(row.id.slice(5));      // messaging/templatetags/thread.py knows the five too
    if (!place) continue;
    const [key, n] = minutes < 60 ? ["wait.min", minutes] : minutes < 2880 ? ["wait.h", Math.floor(minutes / 60)] : ["wait.d", Math.floor(minutes / 1440)];
    place.textContent = word(key, { n });
    place.setAttribute("aria-label", word("wait", { time: place.textContent }));
  }
}, 30_000);

// ---------------------------------------------------------------- which rows: tabs, filters, search
export const search = document.querySelector("#search input");
let loading = null, searching = null;

export const query = () => document.getElementById("list-tools").dataset.query;

// Another list takes the place of this one. The conversation that is open stays open.
export async function load(address, { push = true } = {}) {
  const url = new URL(address, location.href);
  if (push) history.pushState({ ...history.state }, "", location.pathname + url.search);
  loading?.abort();
  loading = new AbortController();
  const stood = document.activeElement;
  const wait = setTimeout(() => { list.setAttribute("aria-busy", "true"); list.replaceChildren(piece("list-skeleton")); }, 150);
  try {
    const { content } = await part(listUrl + url.search, { signal: loading.signal });
    const tools = content.getElementById("list-tools"), name = content.getElementById("list-name");
    tools.removeAttribute("hx-swap-oob");
    document.getElementById("list-tools").replaceWith(tools);
    if (name) document.getElementById("list-name").replaceWith(name);
    list.replaceChildren(...content.childNodes);
    htmx.process(list);
    list.scrollTop = 0;
    late.clear();
    mark(thread.open());
    if (document.activeElement !== search) search.value = url.searchParams.get("search") ?? "";
    paintRoom(url.searchParams.get("chatroom"));
  } catch (error) {
    if (error.name === "AbortError") return;
    const failed = piece("list-error");
    failed.querySelector("button").addEventListener("click", () => load(address, { push: false }));
    list.replaceChildren(failed);
  } finally {
    clearTimeout(wait);
    list.removeAttribute("aria-busy");
    if (document.activeElement === list) rests.list(stood)?.focus();
  }
}

export const reload = () => load(listUrl + query(), { push: false });

function paintRoom(room) {
  for (const link of document.querySelectorAll(".side-link, .tabbar .tab, .tabbar .menu-item")) {
    const own = link.dataset.roomLink ?? (link.pathname === listUrl ? "" : null);
    if (own === null) continue;
    if (own === (room ?? "")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-filter], [data-room-link]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const menu = link.closest("details[data-drop]");
  if (menu) menu.open = false;
  if (link.matches(".seg > a")) {
    link.parentElement.querySelector("[aria-current]")?.removeAttribute("aria-current");
    link.setAttribute("aria-current", "page");
  }
  filtered();
  clearTimeout(searching);   // what was typed just before would come back over what was chosen
  load(link.href);
});

document.getElementById("search").addEventListener("submit", (event) => { event.preventDefault(); find(); });
search.addEventListener("input", () => { clearTimeout(searching); searching = setTimeout(find, 250); });
search.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") { event.preventDefault(); rows()[0]?.focus(); }
  if (event.key === "Escape" && search.value) { search.value = ""; find(); }
});

function find() {
  clearTimeout(searching);
  const params = new URLSearchParams(query()), words = search.value.trim();
  if ((params.get("search") ?? "") === words) return;
  if (words) params.set("search", words);
  else params.delete("search");
  load(`${listUrl}${params.size ? `?${params}` : ""}`);
}

// ---------------------------------------------------------------- rows that changed, a moment after they did
export const changedRow = batched(() => rowsUrl + query(), (content, ids) => {
  const found = new Map([...content.querySelectorAll(".conv")].map((row) => [row.id.slice(5), row]));
  for (const id of ids) {
    if (found.has(id)) putRow(found.get(id));
    else removeRow(id);
  }
  setUnread([...content.querySelectorAll("[data-room-unread]")].map((room) => [room.dataset.roomUnread, Number(room.value)]));
  for (const tab of content.querySelectorAll("[data-tab-count]")) {
    const place = document.querySelector(`[data-tab="${tab.dataset.tabCount}"]`);
    if (place) place.textContent = tab.value;
  }
});
bringUnread();
