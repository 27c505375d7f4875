// What can be picked while writing: templates, and colleagues to mention.
import { addStored } from "../files.js";
import { narrow } from "../narrow.js";
import { part } from "../request.js";
import { piece, word } from "../words.js";
import { about } from "./thread.js";

let host = null;                       // {form, box, type, isNote, setReply, template}: where it is written
let picker = null;                     // {kind, node, at, run}

// Another box takes the place of the one before, or none does.
export function serve(box) {
  close();
  host = box;
  host?.box.addEventListener("blur", () => {
    if (picker?.kind === "mention") setTimeout(() => document.activeElement === host?.box || close(), 150);
  });
}

export function suggest() {
  if (!host.isNote() && host.box.value === "/") return openTemplates();
  if (host.isNote()) suggestColleagues();
  else if (picker?.kind === "mention") close();
}

function show(kind, node, run) {
  close();
  picker = { kind, node, run, at: 0 };
  host.form.before(node);
  choose(0);
}

export function close() {
  picker?.node.remove();
  if (picker) host?.box.removeAttribute("aria-activedescendant");
  picker = null;
}

const options = () => [...picker.node.querySelectorAll("[role=option]:not([hidden])")];

function choose(at) {
  const shown = options();
  for (const each of picker.node.querySelectorAll("[aria-selected=true]")) each.setAttribute("aria-selected", "false");
  picker.at = Math.max(0, Math.min(shown.length - 1, at));
  const chosen = shown[picker.at];
  chosen?.setAttribute("aria-selected", "true");
  chosen?.scrollIntoView({ block: "nearest" });
  const field = picker.kind === "mention" ? host.box : picker.node.querySelector("input");
  if (chosen) field.setAttribute("aria-activedescendant", chosen.id);
  else field.removeAttribute("aria-activedescendant");
  const preview = picker.node.querySelector("[data-preview]");
  if (preview) preview.replaceChildren(...(chosen ? [...chosen.querySelector(".template-text").cloneNode(true).childNodes] : []));
  picker.node.querySelector("[data-none]")?.toggleAttribute("hidden", shown.length > 0);
}

// Returns whether the key was the picker's.
export function takeKey(event) {
  if (!picker) return false;
  const { key } = event;
  if (key === "ArrowDown" || key === "ArrowUp") choose(picker.at + (key === "ArrowDown" ? 1 : -1));
  else if (key === "Enter" || (key === "Tab" && picker.kind === "mention")) {
    const chosen = options()[picker.at];
    if (!chosen) return false;
    picker.run(chosen);
  } else if (key === "Escape") { close(); host.box.focus(); }
  else return false;
  event.preventDefault();
  event.stopPropagation();
  return true;
}

export async function openTemplates() {
  if (!host?.box.isConnected || !document.getElementById("open-templates")) return;
  host.setReply();
  const node = piece("template-picker"), field = node.querySelector("input"), list = node.querySelector("[role=listbox]");
  show("template", node, insertTemplate);
  field.addEventListener("keydown", takeKey);
  field.addEventListener("input", () => { narrow(list, field.value); choose(0); });
  // The focus stays in the field: where it went to the page, the picker would be closed before the click.
  node.addEventListener("mousedown", (event) => event.target.closest("[role=option]") && event.preventDefault());
  node.addEventListener("click", ({ target }) => {
    const option = target.closest("[role=option]");
    if (option) insertTemplate(option);
  });
  node.addEventListener("focusout", ({ relatedTarget }) => { if (relatedTarget && !node.contains(relatedTarget)) close(); });
  field.focus();
  try {
    const { content } = await part(about().templatesUrl);
    list.replaceChildren(...content.children);
    list.removeAttribute("aria-busy");
    if (!list.childElementCount) node.querySelector("[data-none]").textContent = word("no-templates");
    narrow(list, field.value);
    if (picker?.node === node) choose(0);
  } catch {
    list.replaceChildren();
    node.querySelector("[data-none]").textContent = word("not-loaded-part");
    if (picker?.node === node) choose(0);
  }
}

function insertTemplate(option) {
  const { box, type } = host, text = option.querySelector(".template-text").textContent;
  close();
  const slash = box.value === "/";
  const from = slash ? 0 : box.selectionStart, to = slash ? 1 : box.selectionEnd;
  type(text, from, to);
  host.template = option.dataset.template;
  addStored(option.querySelectorAll("[data-value]"));
  const blank = box.value.indexOf("{{", from);
  if (blank >= 0 && blank < from + text.length) box.setSelectionRange(blank, box.value.indexOf("}}", blank) + 2);
}

function suggestColleagues() {
  const { box, type } = host, before = box.value.slice(0, box.selectionStart);
  const named = before.match(/(?:^|\s)@([^\s@]{0,30})$/);
  const found = named ? [...document.getElementById("colleagues").content.children].filter(
    (each) => each.dataset.name.toLowerCase().split(" ").some((one) => one.startsWith(named[1].toLowerCase())),
  ).slice(0, 8) : [];
  if (!found.length) { if (picker?.kind === "mention") close(); return; }
  const node = piece("mention-picker"), list = node.querySelector("[role=listbox]");
  list.append(...found.map((each, place) => { const one = each.cloneNode(true); one.id = `colleague-${place}`; return one; }));
  show("mention", node, (option) => {
    const at = box.selectionStart;
    close();
    type(`@${option.dataset.name} `, at - named[1].length - 1, at);
  });
  node.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const option = event.target.closest("[role=option]");
    if (option) picker.run(option);
  });
}
