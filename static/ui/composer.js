// The box: counts what a text will be, keeps it as a draft, sends it with Enter.
import { canBePlain, count, plain } from "./segments.js";
import { send } from "./sending.js";
import { draft, keepDraft } from "./store.js";
import * as thread from "./thread.js";
import { counted, number, word } from "./shell.js";

const MANY = 3;                         // segments from which the counter warns
let form = null, box = null, saving = null;
let changed = () => {};                 // a draft came or went

export function whenDrafted(tell) { changed = tell; }

export function opened() {
  form = document.getElementById("composer");
  box = document.getElementById("reply");
  if (!form) return;
  const conversation = thread.open();
  if (!box.value) box.value = draft(conversation);
  box.addEventListener("input", () => { hideError(); paint(); saveSoon(); });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.altKey) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(conversation);
  });
  hint().querySelector("button").addEventListener("click", () => {
    box.value = plain(box.value);
    box.dispatchEvent(new Event("input"));
    box.focus();
  });
  paint();
}

export const focus = () => box?.isConnected && box.focus();
export const isFocused = () => document.activeElement === box;

// The server would not take it: the text comes back, with the reason under it.
export function refused(conversation, content, reason) {
  const here = conversation === thread.open() && box?.isConnected;
  if (here && !box.value) {
    box.value = content;
    paint();
  }
  if (!here || box.value === content) keepDraft(conversation, content);
  if (!here) return;
  const line = document.getElementById("send-error");
  line.querySelector("[data-words]").textContent = reason;
  line.hidden = false;
  box.setAttribute("aria-invalid", "true");
}

// Before another conversation takes its place.
export function leave() {
  if (!box?.isConnected) return;
  clearTimeout(saving);
  save();
}

function submit(conversation) {
  const text = box.value.trim();
  if (!text) return;
  box.value = "";
  hideError();
  paint();
  clearTimeout(saving);
  keepDraft(conversation, "");
  send(conversation, text);
  box.focus();
}

function saveSoon() {
  clearTimeout(saving);
  saving = setTimeout(save, 300);
}

function save() {
  const conversation = thread.open();
  if (draft(conversation) === box.value) return;
  keepDraft(conversation, box.value);
  changed(conversation);
}

const hint = () => document.getElementById("unicode-hint");

function hideError() {
  document.getElementById("send-error").hidden = true;
  box.removeAttribute("aria-invalid");
}

function paint() {
  const text = box.value.trim();
  const counter = document.getElementById("counter");
  const { gsm, units, segments, limit, foreign } = count(text);
  counter.hidden = !segments;
  counter.dataset.level = segments >= MANY ? "warn" : "";
  counter.querySelector("[data-encoding]").textContent = gsm ? "GSM-7" : "Unicode";
  const length = counter.querySelector("[data-length]"), used = document.createElement("b");
  used.textContent = number(units);
  length.replaceChildren(used, `/${number(limit)}`, segments > 1 ? ` · ${counted("segments", segments)}` : "");
  const cost = counter.querySelector("[data-cost]");
  if (cost) cost.textContent = counted("tokens", Number(form.dataset.price));
  form.querySelector("[type=submit]").disabled = !text;
  hint().hidden = !canBePlain(foreign);
  hint().querySelector("[data-words]").textContent = word("unicode", { characters: foreign.join(" ") });
}
