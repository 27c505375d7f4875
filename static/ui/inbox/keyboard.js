// The keyboard: single keys, the menu of everything, and moving about in menus.
import { cookie } from "../request.js";
import { trouble } from "../toasts.js";
import { isFocused, write } from "./composer.js";
import { focusRow, search, step } from "./list.js";
import { narrow, openTemplates } from "./picker.js";

const { me } = document.body.dataset;

const press = (selector) => document.querySelector(selector)?.click();
const typingIn = (target) => target.closest?.("input, textarea, select, [contenteditable]");

export function openMenu(id) {
  const menu = document.getElementById(id);
  if (!menu || !menu.offsetParent && !menu.querySelector("summary")?.offsetParent) return;
  menu.open = true;
  menu.querySelector("[data-narrow], button, input:not([type=hidden])")?.focus();
}

// The two dialogs come when they are first asked for.
const dialog = (name) => import("./commands.js").then((them) => them[name](acts), trouble);

const acts = {
  reply: () => write(),
  note: () => write(true),
  templates: () => { write(); openTemplates(); },
  resolve: () => press("#resolve"),
  reopen: () => press("#thread-head [name=status][value=OPEN]"),
  pending: () => press("#more [value=PENDING]"),
  assign: () => openMenu("assign"),
  mine: () => press(`#assign [value="${me}"]`),
  snooze: () => openMenu("snooze"),
  unread: () => press("#more [name=unread]"),
  optOut: () => press("#log-items [data-opt-out]"),
  search: () => search.focus(),
  side: () => { document.body.toggleAttribute("data-no-side"); },
  next: () => step(1),
  previous: () => step(-1),
  inbox: () => press('.side a[href="/inbox/"]'),
  contacts: () => press('.side a[href="/contacts/"]'),
  dashboard: () => press('.side a[href="/"]:not(.brand)'),
  help: () => dialog("help"),
  commands: () => dialog("commands"),
  "tab-mine": () => press("#tab-mine"),
  "tab-unassigned": () => press("#tab-unassigned"),
  "tab-all": () => press("#tab-all"),
};

// With the acts of the page that has the conversation.
export function start(others) { Object.assign(acts, others); }

const KEYS = { j: "next", k: "previous", r: "reply", n: "note", e: "resolve", a: "assign", l: "label", z: "snooze", u: "unread", o: "optOut", "/": "search", "[": "side", "]": "aside", "?": "help" };
const GOES = { i: "inbox", c: "contacts", d: "dashboard" };
let going = 0;

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return acts.commands();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && (isFocused() || event.target === search)) return focusRow();
  if (typingIn(event.target) || cookie("keys") === "off") return;
  const act = Date.now() - going < 1000 ? GOES[event.key] : KEYS[event.key];
  going = event.key === "g" ? Date.now() : 0;
  if (!act) return;
  event.preventDefault();
  acts[act]();
});

document.addEventListener("click", ({ target }) => { if (target.closest("[data-keys]")) acts.help(); });

// Menus with many entries have a field that narrows them.
document.addEventListener("input", (event) => {
  if (event.target.matches("[data-narrow]")) narrow(event.target.closest(".menu"), event.target.value);
});
document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details[data-drop][open] > .menu, details[data-drop][open] > form");
  if (!menu || !["ArrowDown", "ArrowUp"].includes(event.key) || event.target.matches("textarea, [type=datetime-local]")) return;
  const each = [...menu.querySelectorAll("button:not([hidden]), a[href], [data-narrow]")].filter((one) => one.offsetParent);
  if (!each.length) return;
  event.preventDefault();
  each[(each.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1) + each.length) % each.length].focus();
});
