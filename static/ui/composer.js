// The box to write the next message or note: its draft, how many SMS it makes, what can be picked while writing.
import { draft, keepDraft, keepNoting, noting, part, post } from "./live.js";
import { send, uuid } from "./outbox.js";
import { counted, number, piece, rests, word } from "./shell.js";
import { about, draw, foundJump, open, put, undraw } from "./thread.js";

// ---------------------------------------------------------------- the box
const MANY = 3;                         // segments from which the counter warns
let form = null, box = null, saving = null;
let drafted = () => {}, typed = () => {};

rests.composer = rests["composer-wrap"] = () => box;

// A draft came or went; somebody is writing a reply.
export function whenWriting(onDraft, onTyping) { drafted = onDraft; typed = onTyping; }

export function opened() {
  form = document.getElementById("composer");
  box = form?.querySelector("textarea") ?? null;
  closePicker();
  if (!form) return;
  const conversation = open();
  if (noting(conversation)) setNoting(true);
  if (!box.value) box.value = draft(conversation);
  box.addEventListener("input", () => { hideError(); paintBox(); saveSoon(); suggest(); if (!isNote()) typed(); });
  box.addEventListener("keydown", (event) => {
    if (event.isComposing || pickerKey(event)) return;
    if (event.key !== "Enter" || event.altKey) return;
    const sends = document.cookie.includes("enter=newline") ? event.ctrlKey || event.metaKey : !event.shiftKey;
    if (!sends) return;
    event.preventDefault();
    form.requestSubmit();
  });
  box.addEventListener("blur", () => { if (picker?.kind === "mention") setTimeout(() => document.activeElement === box || closePicker(), 150); });
  for (const mode of form.querySelectorAll("[name=mode]")) mode.addEventListener("change", () => { paintMode(); box.focus(); });
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(event.submitter); });
  form.querySelector("#unicode-hint button")?.addEventListener("click", () => type(plain(box.value), 0, box.value.length));
  form.querySelector("#open-templates")?.addEventListener("click", () => openTemplates());
  paintMode();
}

// The part around the thread was drawn anew, because writing became possible or impossible.
export function replaceBox(fresh) {
  const old = document.getElementById("composer-wrap");
  if (!old || !fresh || old.dataset.closed === fresh.dataset.closed) return;
  const note = isFocused() && isNote();
  leave();
  old.replaceWith(fresh);
  htmx.process(fresh);
  opened();
  if (note) write(true);                // what goes on being typed is no reply
  foundJump();
}

const isNote = () => form.querySelector("[name=mode]:checked")?.value === "note";
export const isFocused = () => document.activeElement === box;

function setNoting(on) {
  const choice = form.querySelector(`[name=mode][value=${on ? "note" : "reply"}]`);
  if (choice) choice.checked = true;
}

export function write(note = false) {
  if (!box?.isConnected) return;
  setNoting(note);
  paintMode();
  box.focus();
}

// The text comes back, with the reason under it.
export function giveBack({ conversation, content }, reason = "") {
  const here = conversation === open() && box?.isConnected;
  if (here && !box.value) {
    setNoting(false);
    box.value = content;
    paintMode();
  }
  if (!here || box.value === content) keepDraft(conversation, content);
  if (!here) return;
  if (reason) showError(reason);
  box.focus();
}

// Before another conversation takes its place.
export function leave() {
  if (!box?.isConnected) return;
  clearTimeout(saving);
  save();
}

function submit(button) {
  const text = box.value.trim(), conversation = open();
  if (!text) return;
  if (isNote()) return submitNote(conversation, text);
  const blank = text.match(/{{\s*[\w.]+[^{}]*}}/);
  if (blank) return showError(word("blank", { place: blank[0] }));
  const { dataset } = box;
  if ([...text].length > Number(dataset.longest)) return showError(word("too-long", { n: number(Number(dataset.longest)) }));
  const sendAt = later(button);
  if (sendAt === undefined) return;
  empty(conversation);
  send(conversation, text, sendAt);
}

// When it is to go out: null for now, undefined where no time was chosen.
function later(button) {
  const usual = form.querySelector("#send[data-at]");          // quiet hours: it waits for their end
  if (!button?.closest("#later")) return usual?.value ?? null;
  const field = form.querySelector("#later input");
  const at = new Date(button.value || field.value);
  if (Number.isNaN(at.getTime())) { field.focus(); return undefined; }
  form.querySelector("#later").open = false;
  field.value = "";
  return at.toISOString();
}

function empty(conversation) {
  box.value = "";
  hideError();
  paintBox();
  clearTimeout(saving);
  keepDraft(conversation, "");
  drafted(conversation);
  box.focus();
}

async function submitNote(conversation, text) {
  const client = uuid(), { notesUrl } = about(), card = piece("new-note");
  card.dataset.client = client;
  card.querySelector("p").textContent = text;
  draw(card);
  empty(conversation);
  try {
    const { content } = await post(notesUrl, { content: text, client_id: client });
    for (const entry of [...content.children]) put(entry);
  } catch (error) {
    undraw(client);
    keepDraft(conversation, text);
    if (conversation !== open()) return;
    setNoting(true);
    box.value = text;
    paintMode();
    showError(error.message || word("no-answer"));
  }
}

function saveSoon() {
  clearTimeout(saving);
  saving = setTimeout(save, 300);
}

function save() {
  const conversation = open();
  keepNoting(conversation, isNote() && box.value.trim() !== "");
  if (draft(conversation) === box.value) return;
  keepDraft(conversation, box.value);
  drafted(conversation);
}

function showError(reason) {
  const line = document.getElementById("send-error");
  line.querySelector("[data-words]").textContent = reason;
  line.hidden = false;
  box.setAttribute("aria-invalid", "true");
}

function hideError() {
  document.getElementById("send-error").hidden = true;
  box.removeAttribute("aria-invalid");
}

function paintMode() {
  const note = isNote(), { dataset } = box;
  box.placeholder = note ? dataset.noteHint : dataset.replyHint;
  box.setAttribute("aria-label", note ? dataset.noteLabel : dataset.replyLabel);
  form.setAttribute("aria-label", note ? dataset.noteLabel : dataset.replyLabel);
  closePicker();
  paintBox();
}

function paintBox() {
  const text = box.value.trim();
  document.getElementById("add-note").disabled = !text;
  const counter = document.getElementById("counter");
  if (!counter) return;
  counter.hidden = !text;
  const length = counter.querySelector("[data-length]");
  if (length) paintLength(counter, length, count(text));    // only SMS is counted in segments
  const cost = counter.querySelector("[data-cost]");
  if (cost) cost.textContent = counted("tokens", Number(form.dataset.price));
  for (const button of form.querySelectorAll("#send, #later button")) button.disabled = !text;
}

function paintLength(counter, length, { gsm, units, segments, limit, foreign }) {
  counter.dataset.level = segments >= MANY ? "warn" : "";
  counter.querySelector("[data-encoding]").textContent = gsm ? "GSM-7" : "Unicode";
  const used = document.createElement("b");
  used.textContent = number(units);
  length.replaceChildren(used, `/${number(limit)}`, segments > 1 ? ` · ${counted("segments", segments)}` : "");
  const hint = document.getElementById("unicode-hint");
  hint.hidden = !foreign.length;
  hint.querySelector("button").hidden = !canBePlain(foreign);
  hint.querySelector("[data-words]").textContent = word("unicode", { characters: foreign.slice(0, 6).join(" ") });
}

// As if it were typed, so that it can be undone.
function type(text, from, to) {
  box.focus();
  box.setSelectionRange(from, to);
  if (!document.execCommand("insertText", false, text)) {
    box.setRangeText(text, from, to, "end");
    box.dispatchEvent(new Event("input"));
  }
}

// ---------------------------------------------------------------- how many SMS a text is
// seven-bit GSM characters if all of it fits that alphabet, UCS-2 otherwise.
// The same rule as integrations/segments.py, which counts for real.
const BASIC = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const COST = new Map([...[...BASIC].map((c) => [c, 1]), ...[..."\f^{}\\[~]|€"].map((c) => [c, 2])]);

// Typed by phones and word processors without asking; each has a plain form that means the same.
const PLAIN = { "\u2018": "'", "\u2019": "'", "\u201c": "\"", "\u201d": "\"", "\u2013": "-", "\u2014": "-", "\u2026": "...", "\u00a0": " ", "\u2022": "-", "\u2032": "'", "\u2033": "\"" };

function count(text) {
  const characters = [...text];
  const foreign = [...new Set(characters.filter((c) => !COST.has(c)))];
  const gsm = !foreign.length;
  const costs = characters.map((c) => (gsm ? COST.get(c) : c.length));
  const units = costs.reduce((sum, cost) => sum + cost, 0);
  const [single, several] = gsm ? [160, 153] : [70, 67];
  let segments = units ? 1 : 0;
  if (units > single) {
    let used = 0;
    for (const cost of costs) {          // an escape or a surrogate pair is never cut in two
      if (used + cost > several) { segments += 1; used = 0; }
      used += cost;
    }
  }
  return { gsm, units, segments, limit: segments > 1 ? segments * several : single, foreign };
}

const canBePlain = (characters) => characters.length > 0 && characters.every((c) => c in PLAIN);
const plain = (text) => [...text].map((c) => PLAIN[c] ?? c).join("");

// ---------------------------------------------------------------- what can be picked while writing: templates, colleagues
let picker = null;                     // {kind, node, options, at, run}

function suggest() {
  if (!isNote() && box.value === "/") return openTemplates();
  if (isNote()) suggestColleagues();
  else if (picker?.kind === "mention") closePicker();
}

function showPicker(kind, node, run) {
  closePicker();
  picker = { kind, node, run, at: 0 };
  form.before(node);
  choose(0);
}

function closePicker() {
  picker?.node.remove();
  picker = null;
  box?.removeAttribute("aria-activedescendant");
}

const options = () => [...picker.node.querySelectorAll("[role=option]:not([hidden])")];

function choose(at) {
  const shown = options();
  for (const each of picker.node.querySelectorAll("[aria-selected=true]")) each.setAttribute("aria-selected", "false");
  picker.at = Math.max(0, Math.min(shown.length - 1, at));
  const chosen = shown[picker.at];
  chosen?.setAttribute("aria-selected", "true");
  chosen?.scrollIntoView({ block: "nearest" });
  const field = picker.kind === "mention" ? box : picker.node.querySelector("input");
  if (chosen) field.setAttribute("aria-activedescendant", chosen.id);
  else field.removeAttribute("aria-activedescendant");
  const preview = picker.node.querySelector("[data-preview]");
  if (preview) preview.replaceChildren(...(chosen ? [...chosen.querySelector(".template-text").cloneNode(true).childNodes] : []));
  picker.node.querySelector("[data-none]")?.toggleAttribute("hidden", shown.length > 0);
}

// Returns whether the key was the picker's.
function pickerKey(event) {
  if (!picker) return false;
  const { key } = event;
  if (key === "ArrowDown" || key === "ArrowUp") choose(picker.at + (key === "ArrowDown" ? 1 : -1));
  else if (key === "Enter" || (key === "Tab" && picker.kind === "mention")) {
    const chosen = options()[picker.at];
    if (!chosen) return false;
    picker.run(chosen);
  } else if (key === "Escape") { closePicker(); box.focus(); }
  else return false;
  event.preventDefault();
  event.stopPropagation();
  return true;
}

export async function openTemplates() {
  if (!box?.isConnected || !document.getElementById("open-templates")) return;
  setNoting(false);
  const node = piece("template-picker"), field = node.querySelector("input"), list = node.querySelector("[role=listbox]");
  showPicker("template", node, insertTemplate);
  field.addEventListener("keydown", pickerKey);
  field.addEventListener("input", () => { narrow(list, field.value); choose(0); });
  node.addEventListener("click", ({ target }) => {
    const option = target.closest("[role=option]");
    if (option) insertTemplate(option);
  });
  node.addEventListener("focusout", ({ relatedTarget }) => { if (relatedTarget && !node.contains(relatedTarget)) closePicker(); });
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

export function narrow(list, text) {
  const words = text.toLowerCase().split(/\s+/);
  for (const each of list.querySelectorAll("[role=option], button")) {
    each.hidden = !words.every((one) => each.textContent.toLowerCase().includes(one));
  }
}

function insertTemplate(option) {
  const text = option.querySelector(".template-text").textContent;
  closePicker();
  const slash = box.value === "/";
  const from = slash ? 0 : box.selectionStart, to = slash ? 1 : box.selectionEnd;
  type(text, from, to);
  const blank = box.value.indexOf("{{", from);
  if (blank >= 0 && blank < from + text.length) box.setSelectionRange(blank, box.value.indexOf("}}", blank) + 2);
}

function suggestColleagues() {
  const before = box.value.slice(0, box.selectionStart);
  const named = before.match(/(?:^|\s)@([^\s@]{0,30})$/);
  const found = named ? [...document.getElementById("colleagues").content.children].filter(
    (each) => each.dataset.name.toLowerCase().split(" ").some((one) => one.startsWith(named[1].toLowerCase())),
  ).slice(0, 8) : [];
  if (!found.length) { if (picker?.kind === "mention") closePicker(); return; }
  const node = piece("mention-picker"), list = node.querySelector("[role=listbox]");
  list.append(...found.map((each, place) => { const one = each.cloneNode(true); one.id = `colleague-${place}`; return one; }));
  showPicker("mention", node, (option) => {
    const at = box.selectionStart;
    closePicker();
    type(`@${option.dataset.name} `, at - named[1].length - 1, at);
  });
  node.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const option = event.target.closest("[role=option]");
    if (option) picker.run(option);
  });
}
