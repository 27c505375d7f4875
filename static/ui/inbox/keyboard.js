// What the keys do in the inbox.
import * as keyboard from "../keyboard.js";
import { isFocused, write } from "./composer.js";
import { focusRow, search, step } from "./list.js";
import { openTemplates } from "./picker.js";

const { me } = document.body.dataset;

const press = (selector) => document.querySelector(selector)?.click();

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
  optOut: () => press("#log-items [data-opt-out]"),
  search: () => search.focus(),
  next: () => step(1),
  previous: () => step(-1),
  "tab-mine": () => press("#tab-mine"),
  "tab-unassigned": () => press("#tab-unassigned"),
  "tab-all": () => press("#tab-all"),
};

// With the acts of the page that has the conversation.
export function start(others) {
  keyboard.start(
    { ...acts, ...others },
    { j: "next", k: "previous", r: "reply", n: "note", e: "resolve", a: "assign", l: "label", z: "snooze", u: "unread", o: "optOut", x: "select", "/": "search", "]": "aside" },
  );
}

addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  if (isFocused() || event.target === search) focusRow();
});
