// The box to write the next message or note: its draft, its height, and how many SMS it makes.
import { draft, keepDraft, keepNoting, noting } from "../drafts.js";
import * as files from "../files.js";
import { post } from "../request.js";
import { rests } from "../rests.js";
import { canBePlain, countSegments, plain } from "../segments.js";
import { counted, number, piece, word } from "../words.js";
import { send, uuid } from "./outbox.js";
import * as picker from "./picker.js";
import { about, draw, foundJump, open, put, undraw } from "./thread.js";

const MANY = 3;                         // segments from which the counter warns
let form = null, box = null, saving = null, painting = null;
let host = null;                        // where templates are put: `template` is the last one, which counts as used
let drafted = () => {}, typed = () => {}, ended = () => {};

rests.composer = rests["composer-wrap"] = () => box;

// A draft came or went; somebody is writing a reply.
export function whenWriting(onDraft, onTyping) { drafted = onDraft; typed = onTyping; }

export function opened() {
  form = document.getElementById("composer");
  box = form?.querySelector("textarea") ?? null;
  host = form && { form, box, type, isNote, setReply: () => setNoting(false) };
  picker.serve(host);
  const conversation = open();
  files.serve(form, conversation, () => box?.isConnected && paintBox(), () => !isNote());
  if (!form) return;
  if (noting(conversation)) setNoting(true);
  if (!box.value) box.value = draft(conversation);
  fit();
  box.addEventListener("input", () => {
    hideError();
    paintSoon();
    saveSoon();
    picker.suggest();
    if (!isNote()) typed();
  });
  box.addEventListener("keydown", (event) => {
    if (event.isComposing || picker.takeKey(event)) return;
    if (event.key !== "Enter" || event.altKey) return;
    const sends = document.cookie.includes("enter=newline") ? event.ctrlKey || event.metaKey : !event.shiftKey;
    if (!sends) return;
    event.preventDefault();
    form.requestSubmit();
  });
  for (const mode of form.querySelectorAll("[name=mode]")) mode.addEventListener("change", () => { paintMode(); box.focus(); });
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(event.submitter); });
  form.querySelector("#unicode-hint button")?.addEventListener("click", () => type(plain(box.value), 0, box.value.length));
  form.querySelector("#open-templates")?.addEventListener("click", picker.openTemplates);
  paintMode();
}

// The part around the thread was drawn anew, because writing became possible or impossible.
export function replaceBox(fresh) {
  const old = document.getElementById("composer-wrap");
  if (!old || !fresh) return;
  if (old.dataset.closed === fresh.dataset.closed) {
    const was = old.querySelector("#window"), now = fresh.querySelector("#window");
    if (was && now) was.replaceWith(now);                        // the customer wrote: there is more time again
    form.dataset.footer = fresh.querySelector("#composer").dataset.footer ?? "";
    paintBox();
    return;
  }
  const note = isFocused() && isNote();
  leave();
  old.replaceWith(fresh);
  htmx.process(fresh);
  opened();
  if (note) write(true);                // what goes on being typed is no reply
  foundJump();
}

// The organization's footer goes with the first SMS to a contact, as messaging/consent/footers.py adds it.
export const footer = () => form?.dataset.footer ?? "";
const complete = (text) => (text && !text.endsWith(footer()) ? text + footer() : text);

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
export function giveBack({ conversation, content, media = [] }, reason = "") {
  if (media.length) files.giveFilesBack(conversation, media);
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

// How long there is to reply, by this clock. At its end the server says what holds from then on.
const SOON = 3 * 60;
setInterval(() => {
  const line = document.getElementById("window"), place = line?.querySelector("[data-left]");
  if (!place) return;
  const minutes = Math.floor((Date.parse(line.dataset.until) - Date.now()) / 60_000);
  if (minutes < 0) ended();
  const [key, n] = minutes < 60 ? ["wait.min", Math.max(1, minutes)]
    : minutes < 2880 ? ["wait.h", Math.floor(minutes / 60)] : ["wait.d", Math.floor(minutes / 1440)];
  changeText(place, word(key, { n }));
  line.classList.toggle("soon", minutes < SOON);
}, 30_000);

export function whenEnded(tell) { ended = tell; }

// Before another conversation takes its place.
export function leave() {
  if (!box?.isConnected) return;
  clearTimeout(saving);
  save();
}

function submit(button) {
  const text = box.value.trim(), conversation = open();
  if (isNote()) return text && submitNote(conversation, text);
  if (!text && !files.count()) return;
  if (!files.areReady()) return showError(word("file-waits"));
  if (files.count() && files.isTooMuch()) return showError(word("file-too-much"));
  const blank = text.match(/{{[^{}]*}}/);
  if (blank) return showError(word("blank", { place: blank[0] }));
  const { dataset } = box;
  if (isTooLong(text)) {
    return showError(word("bytes" in dataset ? "too-long-bytes" : "too-long", { n: number(Number(dataset.longest)) }));
  }
  const sendAt = later(button);
  if (sendAt === undefined) return;
  const { template } = host;
  empty(conversation);
  const media = files.takeOut();
  if (!isApart()) return send(conversation, text, sendAt, media, template);
  for (const each of media) send(conversation, "", sendAt, [each]);
  if (text) send(conversation, text, sendAt, [], template);
}

// Whether a file and a text are messages of their own.
const isApart = () => "apart" in form.dataset;

// How many messages it makes, and how many tokens they cost.
function priceOf(text) {
  const { price, filePrice } = form.dataset, n = files.count();
  if (isApart()) return Number(price) * (n + (text ? 1 : 0));
  return Number(price) + (n ? Number(filePrice) : 0);
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
  change(document.getElementById("send-error"), "hidden", true);
  if (box.hasAttribute("aria-invalid")) box.removeAttribute("aria-invalid");
}

function paintMode() {
  const note = isNote(), { dataset } = box;
  box.placeholder = note ? dataset.noteHint : dataset.replyHint;
  box.setAttribute("aria-label", note ? dataset.noteLabel : dataset.replyLabel);
  form.setAttribute("aria-label", note ? dataset.noteLabel : dataset.replyLabel);
  picker.close();
  paintBox();
}

// ---------------------------------------------------------------- what is drawn at each letter
// Once in a frame, and only what changed: the browser lays the page out at once for whatever is written while a letter
// comes in, and a node that is put in or taken out makes it look at each rule with :has() again.
function paintSoon() {
  painting ??= requestAnimationFrame(() => { painting = null; if (box?.isConnected) paintBox(); });
}

function change(node, name, value) {
  if (node[name] !== value) node[name] = value;
}

function changeText(place, text) {
  if (place.firstChild?.nodeType === Node.TEXT_NODE && place.childNodes.length === 1) change(place.firstChild, "data", text);
  else place.textContent = text;
}

function paintBox() {
  const text = box.value.trim();
  change(document.getElementById("add-note"), "disabled", !text);
  if (!text) host.template = null;
  const counter = document.getElementById("counter");
  if (!counter) return;
  const isEmpty = !text && !files.count();
  change(document.getElementById("footer-hint"), "hidden", !footer() || (!text && !isEmpty));   // files alone carry none
  change(counter, "hidden", isEmpty);
  if (counter.querySelector("[data-encoding]")) paintSegments(counter, text);  // only SMS is counted in segments
  else paintLength(counter, text);
  const cost = counter.querySelector("[data-cost]");
  if (cost) changeText(cost, counted("tokens", priceOf(text)));
  const tooLong = isTooLong(text);
  for (const button of form.querySelectorAll("#send, #later button")) change(button, "disabled", isEmpty || tooLong || !files.areReady());
}

// As the platform counts it: characters, or bytes of UTF-8.
const lengthOf = (text) => ("bytes" in box.dataset ? new TextEncoder().encode(text).length : [...text].length);
const isTooLong = (text) => lengthOf(complete(text)) > Number(box.dataset.longest);

function paintLength(counter, text) {
  const level = isTooLong(text) ? "over" : "";
  if ((counter.dataset.level ?? "") !== level) counter.dataset.level = level;
  changeText(counter.querySelector("[data-units]"), number(lengthOf(text)));
  changeText(counter.querySelector("[data-limit]"), `/${number(Number(box.dataset.longest))}`);
}

function paintSegments(counter, text) {
  const { segments, foreign, plainSegments } = countSegments(complete(text));
  const length = lengthOf(complete(text)), longest = Number(box.dataset.longest);
  const level = length > longest ? "over" : segments >= MANY ? "warn" : "";
  if ((counter.dataset.level ?? "") !== level) counter.dataset.level = level;
  const costsMore = segments > plainSegments;
  change(counter.querySelector("[data-encoding]"), "hidden", !costsMore);
  changeText(counter.querySelector("[data-units]"), number(length));
  changeText(counter.querySelector("[data-limit]"), `/${number(longest)} · ${counted("segments", segments)}`);
  const hint = document.getElementById("unicode-hint");
  change(hint, "hidden", !costsMore);
  if (!costsMore) return;
  change(hint.querySelector("button"), "hidden", !canBePlain(countSegments(text).foreign));   // the footer stays as it is
  changeText(hint.querySelector("[data-words]"), word("unicode", { characters: foreign.slice(0, 6).join(" ") }));
}

// The box grows with its text inside a frame whose height is fixed, so that a letter lays out the frame and not the page.
function fit() {
  const frame = box.parentElement;
  new ResizeObserver(([{ borderBoxSize: [{ blockSize }] }]) => {
    if (!blockSize) return;                // on a pane that is not shown
    frame.style.height = `${blockSize}px`;
    frame.classList.add("fixed");
  }).observe(box);
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
