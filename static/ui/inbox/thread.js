// The open conversation: where its messages go, when the view moves, and what is read of them.
import { ask, csrf } from "../request.js";
import { rests } from "../rests.js";
import { counted, piece } from "../words.js";

const section = () => document.getElementById("thread");
rests.thread = rests["log-items"] = () => log;

// ---------------------------------------------------------------- where messages go, and when the view moves
const PINNED = 80, RUN = 5 * 60_000;         // RUN: messaging/templatetags/thread.py knows it too
const ENTRY = ".msg, .event";
let log = null, items = null, jump = null, missed = 0, seen = null;

export const open = () => section().dataset.conversation ?? null;
export const room = () => section().dataset.room ?? null;
export const about = () => section().dataset;

// A conversation was put on the page.
export function opened() {
  log = document.getElementById("log");
  items = document.getElementById("log-items");
  missed = 0;
  seen = null;
  if (!log) return;
  log.addEventListener("scroll", () => { if (pinned()) { missed = 0; look(); } paintJump(); }, { passive: true });
  const line = document.getElementById("new-line");
  if (line && line.getBoundingClientRect().top < log.getBoundingClientRect().top) line.scrollIntoView({ block: "start" });
  look(true);
  foundJump();
  readAnew();
}

// The way to the end lies in the part around the box, which may be drawn anew alone.
export function foundJump() {
  jump = document.getElementById("jump");
  jump.addEventListener("click", () => log.scrollTo({ top: 0, behavior: "smooth" }));
  paintJump();
}

// The log is laid out from its end, so its end is at 0 and what is above is negative.
const pinned = () => Boolean(log) && log.scrollTop > -PINNED;
export const toEnd = () => { if (log) log.scrollTop = 0; };

const all = (selector) => [...(items?.querySelectorAll(selector) ?? [])];
const hasNew = () => Boolean(document.getElementById("new-line"));

// The newest message that was in view: whoever writes has seen the thread up to there. What was there at the opening is.
export function look(opening = false) {
  if (opening || (pinned() && !document.hidden)) seen = all(".msg[id^='m-']").at(-1)?.id.slice(2) ?? null;
}

const find = (fresh) =>
  document.getElementById(fresh.id)
  ?? (fresh.dataset.client && items.querySelector(`[data-client="${fresh.dataset.client}"]`));

export const seenUpTo = () => seen;

// An entry as the server draws it now. Returns whether it is a new one of the customer.
export function put(fresh) {
  if (!items || fresh.dataset.conversation !== open()) return false;
  const old = find(fresh);
  const oldest = items.querySelector("[data-at]");
  if (!old && items.querySelector(".older") && oldest && fresh.dataset.at < oldest.dataset.at) return false;
  const arrived = !old && fresh.dataset.writer === "in";
  const stay = pinned();
  const unseen = arrived && !looking();
  keepPlace(stay, () => {
    if (old) patch(old, fresh);
    else { fresh.classList.add("arrive"); htmx.process(fresh); }
    place(old ?? fresh);
  });
  if (unseen && !hasNew()) keepPlace(pinned(), () => { fresh.before(piece("new-line-piece")); arrange(fresh); });
  if (arrived && !stay) { missed += 1; paintJump(); }
  look();
  considerReading();
  return arrived;
}

// What was said stays as it is while it says the same: a selection in it survives, and readers hear nothing twice.
function patch(old, fresh) {
  const name = fresh.className + (old.classList.contains("cont") ? " cont" : "");
  old.id = fresh.id;
  old.className = name;
  Object.assign(old.dataset, fresh.dataset);
  if (old.matches(".event") && !same(old, fresh)) {
    old.replaceChildren(...fresh.childNodes);
    old.hidden = fresh.hidden;
  }
  for (const kind of [".spoken", ".after", ".note-card"]) {
    const was = old.querySelector(kind), now = fresh.querySelector(kind);
    if (!was || !now || (kind === ".spoken" && same(was, now))) continue;
    if (was.querySelector("details[open]")) continue;        // somebody is just filling it in
    was.replaceWith(now);
    htmx.process(now);
  }
}

const same = (a, b) => a.textContent.trim() === b.textContent.trim() && a.querySelectorAll("*").length === b.querySelectorAll("*").length;

function place(entry) {
  const above = neighbor(entry, "previousElementSibling");
  const inOrder = entry.isConnected && (above?.dataset.at ?? "") <= entry.dataset.at;
  if (!inOrder) {
    entry.remove();
    const next = all(ENTRY).find((each) => !each.dataset.at || each.dataset.at > entry.dataset.at);
    items.insertBefore(entry, next ?? null);
    if (above) arrange(above);
  }
  arrange(entry);
}

// My own before the server has it; one that is there already is left.
export function draw(entry) {
  if (!items || mine(entry.dataset.client)) return;
  items.append(entry);
  arrange(entry);
  toEnd();
}

export const mine = (client) => items?.querySelector(`[data-client="${client}"]`);

export function undraw(client) {
  const entry = mine(client);
  const above = entry && neighbor(entry, "previousElementSibling");
  entry?.remove();
  if (above) arrange(above);
}

// Older entries came in above: a day that is named twice now keeps its first name.
export function grew() {
  const named = new Set();
  for (const line of items.querySelectorAll(".day[data-day]")) {
    if (named.has(line.dataset.day)) {
      const below = neighbor(line, "nextElementSibling");
      line.remove();
      if (below) arrange(below);
    }
    named.add(line.dataset.day);
  }
}

function keepPlace(stay, change) {
  if (stay) { change(); toEnd(); return; }
  const top = log.getBoundingClientRect().top;
  const first = all(ENTRY).find((each) => each.getBoundingClientRect().bottom > top);
  const was = first?.getBoundingClientRect().top;
  change();
  if (first?.isConnected) log.scrollTop += first.getBoundingClientRect().top - was;
}

// The line of a new day above, and whether it runs on from the message above and into the one below.
function arrange(entry) {
  const above = neighbor(entry, "previousElementSibling"), below = neighbor(entry, "nextElementSibling");
  const { day } = entry.dataset;
  if (day && day !== above?.dataset.day && !entry.previousElementSibling?.matches(".day[data-day]")
      && !items.querySelector(`.day[data-day="${day}"]`)) {
    const line = document.createElement("h3");
    line.className = "day";
    line.dataset.day = day;
    line.textContent = entry.dataset.dayName;
    entry.before(line);
  }
  relate(entry.previousElementSibling, entry);
  if (below) relate(below.previousElementSibling, below);
  if (!below) entry.querySelector(".msg-main")?.classList.remove("run");
}

const isBubble = (entry) => Boolean(entry?.matches(".msg:not(.note)"));

function relate(above, entry) {
  if (!isBubble(entry)) return;
  const runs = isBubble(above) && above.dataset.writer === entry.dataset.writer
    && !above.matches(".failed, .unsure, .scheduled, :has(.reactions)")
    && (Date.parse(entry.dataset.at) || Date.now()) - (Date.parse(above.dataset.at) || Date.now()) < RUN;
  entry.classList.toggle("cont", runs);
  if (isBubble(above)) above.querySelector(".msg-main").classList.toggle("run", runs);
}

function neighbor(entry, way) {
  let each = entry[way];
  while (each && !each.matches(ENTRY)) each = each[way];
  return each;
}

function paintJump() {
  jump.hidden = pinned();
  jump.querySelector("[data-words]").textContent = counted("new", missed);
}

// The newest note or act that is shown, for asking what came after it.
export const newest = () => all("[data-at]").at(-1)?.dataset.at ?? new Date(0).toISOString();

// ---------------------------------------------------------------- read
// That is: the conversation is open, this tab is looked at, its end is in view, for a moment.
const MOMENT = 600;
let readTimer = null, readUpTo = null, toldRead = () => {};

export function whenRead(tell) { toldRead = tell; }

const looking = () => !document.hidden && document.body.dataset.pane !== "list" && pinned();

function considerReading() {
  clearTimeout(readTimer);
  readTimer = setTimeout(read, MOMENT);
}

async function read() {
  const conversation = open(), last = all(".msg.in[id]").at(-1);
  if (!conversation || !last || !looking() || last.id === readUpTo) return;
  const { readUrl, unreadAtFirst } = about();
  const before = readUpTo;
  readUpTo = last.id;
  if (unreadAtFirst === "0" && before === null) return;            // nothing was unread when it opened
  try {
    await ask(readUrl, { method: "POST", body: new URLSearchParams({ up_to: last.id.slice(2) }), headers: csrf() });
    toldRead(conversation);
  } catch {
    readUpTo = before;                                           // the next event tries again
  }
}

function readAnew() { readUpTo = null; considerReading(); }

// Marked as unread: it stays so until it is opened again.
export function leaveUnread() { clearTimeout(readTimer); readUpTo = all(".msg.in[id]").at(-1)?.id ?? null; }

document.addEventListener("visibilitychange", () => { look(); considerReading(); });
document.addEventListener("scroll", considerReading, { capture: true, passive: true });
