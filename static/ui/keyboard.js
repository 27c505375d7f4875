// The keyboard on every page: single keys, the menu of all actions, and moving about in menus.
import { narrow } from "./narrow.js";
import { cookie } from "./request.js";
import { trouble } from "./toasts.js";

const typingIn = (target) => target.closest?.("input, textarea, select, [contenteditable]");

// The two dialogs come when they are first asked for.
const dialog = (name) => import("./commands.js").then((them) => them[name](acts), trouble);

const acts = {
  side: () => { document.body.toggleAttribute("data-no-side"); },
  help: () => dialog("help"),
  commands: () => dialog("commands"),
};
const keys = { "[": "side", "?": "help" };
let going = 0;

// What a page can do beside that, and by which keys.
export function start(moreActs, moreKeys = {}) {
  Object.assign(acts, moreActs);
  Object.assign(keys, moreKeys);
}

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || !document.body.dataset.commandsUrl) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return acts.commands();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (typingIn(event.target) || cookie("keys") === "off") return;
  const page = Date.now() - going < 1000 && document.querySelector(`.side [data-key="${CSS.escape(event.key.toUpperCase())}"]`);
  const act = page ? () => page.click() : acts[keys[event.key]];
  going = event.key === "g" ? Date.now() : 0;
  if (!act) return;
  event.preventDefault();
  act();
});

document.addEventListener("click", ({ target }) => { if (target.closest("[data-keys]")) acts.help(); });

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
