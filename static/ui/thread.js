// The open conversation: its messages, what is read of them, and the box to write the next.
import { ask, csrf, draft, isSignIn, keepDraft, keepNoting, keepOutbox, noting, outbox, part, post, signIn } from "./live.js";
import { counted, number, piece, toast, word } from "./shell.js";

const section = () => document.getElementById("thread");

// ---------------------------------------------------------------- where messages go, and when the view moves
const PINNED = 80, RUN = 5 * 60_000;         // RUN: messaging/templatetags/thread.py knows it too
const ENTRY = ".msg, .event";
let log = null, items = null, jump = null, missed = 0, seen = null;

export const open = () => section().dataset.conversation ?? null;
export const room = () => section().dataset.room ?? null;
export const about = () => section().dataset;

// A conversation was put on the page.
export function opened() {
  log = document.getElementById("log");
  items = document.getElementById("log-items");
  jump = document.getElementById("jump");
  missed = 0;
  seen = null;
  if (!log) return;
  log.addEventListener("scroll", () => { if (pinned()) { missed = 0; look(); } paintJump(); }, { passive: true });
  jump.addEventListener("click", () => log.scrollTo({ top: 0, behavior: "smooth" }));
  const line = document.getElementById("new-line");
  if (line && line.getBoundingClientRect().top < log.getBoundingClientRect().top) line.scrollIntoView({ block: "start" });
  look(true);
  paintJump();
  openedBox();
  showUnsent();
  readAnew();
}

// The log is laid out from its end, so its end is at 0 and what is above is negative.
export const pinned = () => Boolean(log) && log.scrollTop > -PINNED;
const toEnd = () => { if (log) log.scrollTop = 0; };

const all = (selector) => [...(items?.querySelectorAll(selector) ?? [])];
const hasNew = () => Boolean(document.getElementById("new-line"));

// The newest message that was in view: whoever writes has seen the thread up to there. What was there at the opening is.
function look(opening = false) {
  if (opening || (pinned() && !document.hidden)) seen = all(".msg[id^='m-']").at(-1)?.id.slice(2) ?? null;
}

const find = (fresh) =>
  document.getElementById(fresh.id)
  ?? (fresh.dataset.client && items.querySelector(`[data-client="${fresh.dataset.client}"]`));

// An entry as the server draws it now. Returns whether it is a new one of the customer.
export function put(fresh) {
  if (!items || fresh.dataset.conversation !== open()) return false;
  const old = find(fresh);
  const oldest = items.querySelector("[data-at]");
  if (!old && items.querySelector(".older") && oldest && fresh.dataset.at < oldest.dataset.at) return false;
  const arrived = !old && fresh.dataset.writer === "in";
  const stay = pinned();
  const unseen = arrived && !looking();
  keepPlace(stay, () => {
    if (old) patch(old, fresh);
    else { fresh.classList.add("arrive"); htmx.process(fresh); }
    place(old ?? fresh);
  });
  if (unseen && !hasNew()) keepPlace(pinned(), () => { fresh.before(piece("new-line-piece")); arrange(fresh); });
  if (arrived && !stay) { missed += 1; paintJump(); }
  look();
  considerReading();
  return arrived;
}

// What was said stays as it is while it says the same: a selection in it survives, and readers hear nothing twice.
function patch(old, fresh) {
  const name = fresh.className + (old.classList.contains("cont") ? " cont" : "");
  old.id = fresh.id;
  old.className = name;
  Object.assign(old.dataset, fresh.dataset);
  for (const kind of [".spoken", ".after", ".note-card"]) {
    const was = old.querySelector(kind), now = fresh.querySelector(kind);
    if (!was || !now || (kind === ".spoken" && same(was, now))) continue;
    if (was.querySelector("details[open]")) continue;        // somebody is just filling it in
    was.replaceWith(now);
    htmx.process(now);
  }
}

const same = (a, b) => a.textContent.trim() === b.textContent.trim() && a.querySelectorAll("*").length === b.querySelectorAll("*").length;

function place(entry) {
  const above = neighbor(entry, "previousElementSibling");
  const inOrder = entry.isConnected && (above?.dataset.at ?? "") <= entry.dataset.at;
  if (!inOrder) {
    entry.remove();
    const next = all(ENTRY).find((each) => !each.dataset.at || each.dataset.at > entry.dataset.at);
    items.insertBefore(entry, next ?? null);
    if (above) arrange(above);
  }
  arrange(entry);
}

// My own before the server has it; one that is there already is left.
function draw(entry) {
  if (!items || mine(entry.dataset.client)) return;
  items.append(entry);
  arrange(entry);
  toEnd();
}

const mine = (client) => items?.querySelector(`[data-client="${client}"]`);

function undraw(client) {
  const entry = mine(client);
  const above = entry && neighbor(entry, "previousElementSibling");
  entry?.remove();
  if (above) arrange(above);
}

// Older entries came in above: a day that is named twice now keeps its first name.
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
  const first = all(ENTRY).find((each) => each.getBoundingClientRect().bottom > top);
  const was = first?.getBoundingClientRect().top;
  change();
  if (first?.isConnected) log.scrollTop += first.getBoundingClientRect().top - was;
}

// The line of a new day above, and whether it runs on from the message above and into the one below.
function arrange(entry) {
  const above = neighbor(entry, "previousElementSibling"), below = neighbor(entry, "nextElementSibling");
  const { day } = entry.dataset;
  if (day && day !== above?.dataset.day && !entry.previousElementSibling?.matches(".day[data-day]")
      && !items.querySelector(`.day[data-day="${day}"]`)) {
    const line = document.createElement("h3");
    line.className = "day";
    line.dataset.day = day;
    line.textContent = entry.dataset.dayName;
    entry.before(line);
  }
  relate(entry.previousElementSibling, entry);
  if (below) relate(below.previousElementSibling, below);
  if (!below) entry.querySelector(".msg-main")?.classList.remove("run");
}

const isBubble = (entry) => Boolean(entry?.matches(".msg:not(.note)"));

function relate(above, entry) {
  if (!isBubble(entry)) return;
  const runs = isBubble(above) && above.dataset.writer === entry.dataset.writer
    && !above.matches(".failed, .unsure, .scheduled, :has(.reactions)")
    && (Date.parse(entry.dataset.at) || Date.now()) - (Date.parse(above.dataset.at) || Date.now()) < RUN;
  entry.classList.toggle("cont", runs);
  if (isBubble(above)) above.querySelector(".msg-main").classList.toggle("run", runs);
}

function neighbor(entry, way) {
  let each = entry[way];
  while (each && !each.matches(ENTRY)) each = each[way];
  return each;
}

function paintJump() {
  jump.hidden = pinned();
  jump.querySelector("[data-words]").textContent = counted("new", missed);
}

// The newest note or act that is shown, for asking what came after it.
export const newest = () => all("[data-at]").at(-1)?.dataset.at ?? new Date(0).toISOString();

// ---------------------------------------------------------------- read
// That is: the conversation is open, this tab is looked at, its end is in view, for a moment.
const MOMENT = 600;
let readTimer = null, readUpTo = null, toldRead = () => {};

export function whenRead(tell) { toldRead = tell; }

const looking = () => !document.hidden && document.body.dataset.pane !== "list" && pinned();

function considerReading() {
  clearTimeout(readTimer);
  readTimer = setTimeout(read, MOMENT);
}

async function read() {
  const conversation = open(), last = all(".msg.in[id]").at(-1);
  if (!conversation || !last || !looking() || last.id === readUpTo) return;
  const { readUrl, unreadAtFirst } = about();
  const before = readUpTo;
  readUpTo = last.id;
  if (unreadAtFirst === "0" && before === null) return;            // nothing was unread when it opened
  try {
    await ask(readUrl, { method: "POST", body: new URLSearchParams({ up_to: last.id.slice(2) }), headers: csrf() });
    toldRead(conversation);
  } catch {
    readUpTo = before;                                           // the next event tries again
  }
}

function readAnew() { readUpTo = null; considerReading(); }

// Marked as unread: it stays so until it is opened again.
export function leaveUnread() { clearTimeout(readTimer); readUpTo = all(".msg.in[id]").at(-1)?.id ?? null; }

document.addEventListener("visibilitychange", () => { look(); considerReading(); });
document.addEventListener("scroll", considerReading, { capture: true, passive: true });

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

// ---------------------------------------------------------------- sending
// A message is on the page at once, kept in this browser until the server has it, and sent once. The client_id makes a
// repeated request harmless: the server answers with the message that it made before.
const PATIENCE = 15_000;                // no answer for so long is none
const FRESH = 10 * 60_000;              // older ones are not sent behind a person's back
const REFUSED = [400, 404, 409, 413, 422];
const GUARDS = ["newer_messages", "duplicate"];      // a person may send it all the same

// {id, conversation, content, at, state: waiting | failed, words, seen, sendAt, anyway, guard}
let entries = outbox();
let busy = false;
let on = null;                          // online(), queued(entry), accepted(entry, answer), refused(entry), broke()

export function start(handlers) {
  on = handlers;
  for (const entry of entries) {
    if (Date.now() - entry.at > FRESH) fail(entry, word("no-answer"));
  }
  flush();
}

function send(conversation, content, sendAt) {
  const entry = { id: uuid(), conversation, content, at: Date.now(), state: "waiting", seen, sendAt };
  entries.push(entry);
  keep();
  show(entry);
  on.queued(entry);
  flush();
}

// What is not with the server yet belongs at the end of its conversation.
function showUnsent() {
  entries.filter((entry) => mine(entry.id)).forEach(drop);       // the server has it, only its answer was lost
  entries.filter((entry) => entry.conversation === open()).forEach(show);
}

// The server has it, whatever became of its answer.
export function settled(client) {
  const entry = client && entries.find((each) => each.id === client && each.state === "failed");
  if (entry) drop(entry);
}

export async function flush() {
  if (busy) return;
  busy = true;
  for (let entry; (entry = entries.find((each) => each.state === "waiting"));) {
    if (!await deliver(entry)) break;   // in order: what comes after waits too
  }
  busy = false;
}

// Returns whether the next one may go.
async function deliver(entry) {
  let response, answer;
  try {
    response = await fetch("/api/messages/send", {
      method: "POST",
      headers: { ...csrf(), "Content-Type": "application/json" },
      body: JSON.stringify(asked(entry)),
      signal: AbortSignal.timeout(PATIENCE),
    });
    answer = await response.json();
  } catch {
    if (response?.url && isSignIn(response.url)) return signIn();
    if (response || on.online()) return fail(entry, word("no-answer"));
    linger(entry);
    return false;
  }
  if (response.ok) {
    drop(entry);
    on.accepted(entry, answer);
    return true;
  }
  const message = answer.error?.message ?? word("refused");
  if (response.status === 401) { signIn(); return false; }
  if (response.status === 402) on.broke();
  if (GUARDS.includes(answer.error?.code)) return fail(entry, message, answer.error.code);
  if (REFUSED.includes(response.status)) {
    drop(entry);
    undraw(entry.id);
    refused(entry, message);
    on.refused(entry);
    return true;
  }
  return fail(entry, response.status >= 500 ? word("no-answer") : message);
}

function asked(entry) {
  const body = { conversation_id: entry.conversation, content: entry.content, client_id: entry.id };
  if (entry.sendAt) body.send_at = entry.sendAt;
  if (entry.seen && entry.anyway !== "newer_messages") body.seen_message_id = entry.seen;
  body.allow_duplicate = entry.anyway === "duplicate";
  return body;
}

function fail(entry, words, guard = "") {
  Object.assign(entry, { state: "failed", words, guard });
  keep();
  const bubble = mine(entry.id);
  if (bubble) paintFailed(bubble, entry);
  return true;
}

function again(entry, anyway = entry.anyway) {
  Object.assign(entry, { state: "waiting", words: "", guard: "", anyway, at: Date.now() });
  keep();
  undraw(entry.id);
  show(entry);
  flush();
}

// Without a connection it waits, and says so; then it goes out whatever came in meanwhile.
function linger(entry) {
  entry.anyway ||= "newer_messages";
  keep();
  const bubble = mine(entry.id);
  if (bubble) bubble.querySelector("[data-words]").textContent = word("waiting");
}

function show(entry) {
  const bubble = piece("new-bubble");
  bubble.dataset.client = entry.id;
  bubble.querySelector(".bubble").textContent = entry.content;
  draw(bubble);
  if (entry.state === "failed") paintFailed(bubble, entry);
  else if (!on?.online()) linger(entry);
}

function paintFailed(bubble, entry) {
  bubble.classList.replace("sending", "failed");
  bubble.querySelector(".meta-line").hidden = true;
  const line = piece(entry.guard ? "guard-line" : "failed-line", entry.words);
  line.querySelector("[data-again]").addEventListener("click", () => again(entry, entry.guard || entry.anyway));
  line.querySelector("[data-look]")?.addEventListener("click", () => {
    drop(entry);
    undraw(entry.id);
    refused(entry, "");
    toEnd();
    look();
  });
  line.querySelector("[data-drop]")?.addEventListener("click", () => { drop(entry); undraw(entry.id); });
  bubble.querySelector(".after").append(line);
}

function drop(entry) {
  entries = entries.filter((each) => each !== entry);
  keep();
}

function keep() { keepOutbox(entries); }

// crypto.randomUUID exists on secure origins only; an office server without TLS has the rest.
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// ---------------------------------------------------------------- the box
const MANY = 3;                         // segments from which the counter warns
let form = null, box = null, saving = null;
let drafted = () => {}, typed = () => {};

// A draft came or went; somebody is writing a reply.
export function whenWriting(onDraft, onTyping) { drafted = onDraft; typed = onTyping; }

function openedBox() {
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
  leave();
  old.replaceWith(fresh);
  jump = document.getElementById("jump");
  jump.addEventListener("click", () => log.scrollTo({ top: 0, behavior: "smooth" }));
  htmx.process(fresh);
  openedBox();
  paintJump();
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
function refused({ conversation, content }, reason) {
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
  const { gsm, units, segments, limit, foreign } = count(text);
  counter.hidden = !segments;
  counter.dataset.level = segments >= MANY ? "warn" : "";
  counter.querySelector("[data-encoding]").textContent = gsm ? "GSM-7" : "Unicode";
  const length = counter.querySelector("[data-length]"), used = document.createElement("b");
  used.textContent = number(units);
  length.replaceChildren(used, `/${number(limit)}`, segments > 1 ? ` · ${counted("segments", segments)}` : "");
  const cost = counter.querySelector("[data-cost]");
  if (cost) cost.textContent = counted("tokens", Number(form.dataset.price));
  for (const button of form.querySelectorAll("#send, #later button")) button.disabled = !text;
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
