// The open conversation's messages: where they go, what they stand beside, when the view moves.
import { counted, piece } from "./shell.js";

const PINNED = 80, RUN = 5 * 60_000;         // RUN: messaging/templatetags/thread.py knows it too
let log = null, items = null, jump = null, missed = 0;

export const open = () => document.getElementById("thread").dataset.conversation ?? null;
export const room = () => document.getElementById("thread").dataset.room ?? null;

// A conversation was put on the page.
export function opened() {
  log = document.getElementById("log");
  items = document.getElementById("log-items");
  jump = document.getElementById("jump");
  missed = 0;
  if (!log) return;
  log.addEventListener("scroll", () => { if (pinned()) missed = 0; paintJump(); }, { passive: true });
  jump.addEventListener("click", () => log.scrollTo({ top: 0, behavior: "smooth" }));
  const line = document.getElementById("new-line");
  if (line && line.getBoundingClientRect().top < log.getBoundingClientRect().top) line.scrollIntoView({ block: "start" });
  paintJump();
}

// The log is laid out from its end, so its end is at 0 and what is above is negative.
export const pinned = () => Boolean(log) && log.scrollTop > -PINNED;
export const toEnd = () => { if (log) log.scrollTop = 0; };

export const newestInbound = () => [...(items?.querySelectorAll(".msg.in[id]") ?? [])].at(-1);
export const hasNew = () => Boolean(document.getElementById("new-line"));

const find = (fresh) =>
  document.getElementById(fresh.id)
  ?? (fresh.dataset.client && items.querySelector(`[data-client="${fresh.dataset.client}"]`));

// A bubble as the server draws it now. Returns whether it is a new one of the customer.
export function put(fresh) {
  if (!items || fresh.dataset.conversation !== open()) return false;
  const old = find(fresh);
  const oldest = items.querySelector(".msg[data-at]");
  if (!old && items.querySelector(".older") && oldest && fresh.dataset.at < oldest.dataset.at) return false;
  const arrived = !old && fresh.dataset.writer === "in";
  const stay = pinned();
  keepPlace(stay, () => {
    if (old) patch(old, fresh);
    else { fresh.classList.add("arrive"); htmx.process(fresh); }
    place(old ?? fresh);
  });
  if (arrived && !stay) { missed += 1; paintJump(); }
  return arrived;
}

// Only what became of a message changes, never its text: a selection in it stays, and readers hear nothing twice.
function patch(old, fresh) {
  old.id = fresh.id;
  old.className = fresh.className;
  Object.assign(old.dataset, fresh.dataset);
  const main = old.querySelector(".msg-main"), now = fresh.querySelector(".msg-main");
  main.querySelectorAll(".meta-line, .fail").forEach((line) => line.remove());
  main.append(...now.querySelectorAll(".meta-line, .fail"));
  htmx.process(main);
}

function place(bubble) {
  const above = neighbor(bubble, "previousElementSibling");
  const inOrder = bubble.isConnected && (above?.dataset.at ?? "") <= bubble.dataset.at;
  if (!inOrder) {
    bubble.remove();
    const next = [...items.querySelectorAll(".msg")].find((each) => !each.dataset.at || each.dataset.at > bubble.dataset.at);
    items.insertBefore(bubble, next ?? null);
    if (above) arrange(above);
  }
  arrange(bubble);
}

// My own message before the server has it; one that is there already is left.
export function draw(bubble) {
  if (!items || items.querySelector(`[data-client="${bubble.dataset.client}"]`)) return;
  items.append(bubble);
  arrange(bubble);
  toEnd();
}

export const mine = (client) => items?.querySelector(`[data-client="${client}"]`);

export function undraw(client) {
  const bubble = mine(client);
  const above = bubble && neighbor(bubble, "previousElementSibling");
  bubble?.remove();
  if (above) arrange(above);
}

// What arrived while nobody was looking stands below a line.
export function drawNewLine(bubble) {
  if (hasNew()) return;
  keepPlace(pinned(), () => { bubble.before(piece("new-line-piece")); arrange(bubble); });
}

// Older messages came in above: a day that is named twice now keeps its first name.
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
  const seen = [...items.querySelectorAll(".msg")].find((each) => each.getBoundingClientRect().bottom > top);
  const was = seen?.getBoundingClientRect().top;
  change();
  if (seen?.isConnected) log.scrollTop += seen.getBoundingClientRect().top - was;
}

// The line of a new day above, and whether it runs on from the message above and into the one below.
function arrange(bubble) {
  const above = neighbor(bubble, "previousElementSibling"), below = neighbor(bubble, "nextElementSibling");
  const { day } = bubble.dataset;
  if (day && day !== above?.dataset.day && !bubble.previousElementSibling?.matches(".day[data-day]")
      && !items.querySelector(`.day[data-day="${day}"]`)) {
    const line = document.createElement("h3");
    line.className = "day";
    line.dataset.day = day;
    line.textContent = bubble.dataset.dayName;
    bubble.before(line);
  }
  relate(bubble.previousElementSibling, bubble);
  if (below) relate(below.previousElementSibling, below);
  if (!below) bubble.querySelector(".msg-main").classList.remove("run");
}

function relate(above, bubble) {
  const runs = Boolean(above?.matches(".msg")) && above.dataset.writer === bubble.dataset.writer
    && !above.matches(".failed, .unsure")
    && (Date.parse(bubble.dataset.at) || Date.now()) - (Date.parse(above.dataset.at) || Date.now()) < RUN;
  bubble.classList.toggle("cont", runs);
  if (above?.matches(".msg")) above.querySelector(".msg-main").classList.toggle("run", runs);
}

function neighbor(bubble, way) {
  let each = bubble[way];
  while (each && !each.matches(".msg")) each = each[way];
  return each;
}

function paintJump() {
  jump.hidden = pinned();
  jump.querySelector("[data-words]").textContent = counted("new", missed);
}
