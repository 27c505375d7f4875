// The keyboard: single keys, the menu of everything, and moving about in menus.
import { narrow, isFocused, openTemplates, write } from "./composer.js";
import { focusRow, search, step } from "./list.js";
import { part, trouble } from "./live.js";
import * as thread from "./thread.js";

const { commandsUrl, me } = document.getElementById("inbox").dataset;

const cookie = (name) => document.cookie.split("; ").find((each) => each.startsWith(`${name}=`))?.split("=")[1];
const keep = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=${value ? 31536000 : 0}; samesite=lax`; };
const press = (selector) => document.querySelector(selector)?.click();
const typingIn = (target) => target.closest?.("input, textarea, select, [contenteditable]");

export function openMenu(id) {
  const menu = document.getElementById(id);
  if (!menu || !menu.offsetParent && !menu.querySelector("summary")?.offsetParent) return;
  menu.open = true;
  menu.querySelector("[data-narrow], button, input:not([type=hidden])")?.focus();
}

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
  search: () => search.focus(),
  side: () => { document.body.toggleAttribute("data-no-side"); },
  next: () => step(1),
  previous: () => step(-1),
  inbox: () => press('.side a[href="/inbox/"]'),
  contacts: () => press('.side a[href="/contacts/"]'),
  dashboard: () => press('.side a[href="/"]:not(.brand)'),
  help,
  commands,
  "tab-mine": () => press("#tab-mine"),
  "tab-unassigned": () => press("#tab-unassigned"),
  "tab-all": () => press("#tab-all"),
};

// With the acts of the page that has the conversation.
export function start(others) { Object.assign(acts, others); }

const KEYS = { j: "next", k: "previous", r: "reply", n: "note", e: "resolve", a: "assign", l: "label", z: "snooze", u: "unread", "/": "search", "[": "side", "]": "aside", "?": "help" };
const GOES = { i: "inbox", c: "contacts", d: "dashboard" };
let going = 0;

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return commands();
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

// The two dialogs come when they are first asked for.
async function fetched(id) {
  if (!document.getElementById(id)) {
    try { document.body.append((await part(commandsUrl)).content); } catch (error) { trouble(error); }
  }
  return document.getElementById(id);
}

async function commands() {
  const dialog = await fetched("commands");
  if (!dialog) return;
  if (dialog.open) return dialog.close();
  const field = dialog.querySelector("input"), options = dialog.querySelector("[role=listbox]");
  let at = 0;
  const shown = () => [...options.querySelectorAll("[role=option]:not([hidden])")];
  const choose = (to) => {
    at = Math.max(0, Math.min(shown().length - 1, to));
    options.querySelectorAll("[role=option]").forEach((each) => each.setAttribute("aria-selected", String(each === shown()[at])));
    shown()[at]?.scrollIntoView({ block: "nearest" });
    if (shown()[at]) field.setAttribute("aria-activedescendant", shown()[at].id);
    dialog.querySelector("[data-none]").hidden = shown().length > 0;
  };
  const run = (option) => { dialog.close(); if (option) acts[option.dataset.do](); };
  for (const each of options.querySelectorAll("[data-open-only]")) each.toggleAttribute("data-off", !thread.open());
  const filter = () => {
    narrow(options, field.value);
    for (const each of options.querySelectorAll("[data-off]")) each.hidden = true;
    choose(0);
  };
  field.value = "";
  field.oninput = filter;
  field.onkeydown = (event) => {
    const { key } = event;
    if (!["ArrowDown", "ArrowUp", "Enter"].includes(key)) return;
    event.preventDefault();
    if (key === "Enter") run(shown()[at]);
    else choose(at + (key === "ArrowDown" ? 1 : -1));
  };
  dialog.onclick = ({ target }) => { if (target === dialog) dialog.close(); else run(target.closest("[role=option]")); };
  filter();
  dialog.showModal();
  field.focus();
}

async function help() {
  const dialog = await fetched("help");
  if (!dialog || dialog.open) return;
  const [keys, enter] = dialog.querySelectorAll("input");
  keys.checked = cookie("keys") !== "off";
  enter.checked = cookie("enter") === "newline";
  keys.onchange = () => keep("keys", keys.checked ? "" : "off");
  enter.onchange = () => keep("enter", enter.checked ? "newline" : "");
  dialog.onclick = (event) => { if (event.target === dialog || event.target.closest("[data-close]")) dialog.close(); };
  dialog.showModal();
}

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
