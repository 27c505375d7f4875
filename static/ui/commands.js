// The menu of everything, and the dialog that names the keys.
import { narrow } from "./narrow.js";
import { cookie, part } from "./request.js";
import { trouble } from "./toasts.js";

const { commandsUrl } = document.body.dataset;
const keep = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=${value ? 31536000 : 0}; samesite=lax`; };

async function fetched(id) {
  if (!document.getElementById(id)) {
    try { document.body.append((await part(commandsUrl)).content); } catch (error) { trouble(error); }
  }
  return document.getElementById(id);
}

export async function commands(acts) {
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
  const run = (option) => {
    dialog.close();
    if (option?.dataset.href) location.assign(option.dataset.href);
    else if (option) acts[option.dataset.do]();
  };
  for (const each of options.querySelectorAll("[data-needs]")) each.toggleAttribute("data-off", !document.querySelector(each.dataset.needs));
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

export async function help() {
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
