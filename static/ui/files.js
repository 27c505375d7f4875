// Files that go along with what is being written: sent to the server meanwhile, each by itself. The composer's, and those
// of forms with an element [data-attach], which they are a field of.
import { csrf, signIn } from "./request.js";
import { piece, word } from "./words.js";

const FORM = "form";                    // the key of a form's own files
const kept = new Map();                 // conversation -> its files, while this page is open
const sizeIn = (unit) => new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, maximumFractionDigits: 1 });
const megabytes = sizeIn("megabyte"), kilobytes = sizeIn("kilobyte");
let box = null, list = null, conversation = null, changed = () => {}, wanted = () => true;

// `holder` has the button and the list, and says in its data what is taken; `takes` whether files are wanted now: a note
// has none.
export function serve(holder, of, onChange, takes) {
  [box, conversation, changed, wanted] = [holder, of, onChange, takes];
  const button = box?.querySelector("#attach");        // none where only a note can be written
  list = button || of === FORM ? box.querySelector("#files") : null;
  for (const file of mine()) file.node = null;
  paint();
  if (!button) return;
  const input = box.querySelector("#file"), form = box.closest("form");
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => { add([...input.files]); input.value = ""; });
  // What is copied out of a document is a text with a picture of it.
  form.addEventListener("paste", (event) => event.clipboardData.types.includes("text/plain") || take(event, event.clipboardData));
  form.addEventListener("dragover", (event) => { if (holds(event.dataTransfer)) { event.preventDefault(); box.dataset.over = ""; } });
  form.addEventListener("dragleave", ({ relatedTarget }) => { if (!form.contains(relatedTarget)) delete box.dataset.over; });
  form.addEventListener("drop", (event) => { delete box.dataset.over; take(event, event.dataTransfer); });
}

const mine = () => kept.get(conversation) ?? [];
const holds = (data) => wanted() && data?.types.includes("Files");
const valueOf = ({ id, address }) => address ?? id;

export const count = () => (list ? mine().length : 0);
export const areReady = () => mine().every((file) => file.state === "ready");
export const isTooMuch = () => mine().reduce((sum, { size }) => sum + size, 0) > Number(box.dataset.mostBytes);

// What goes along with a message that is sent now.
export function takeOut() {
  const taken = mine().map(({ id, address, name }) => ({ id, address, name }));
  for (const file of mine()) forget(file);
  kept.delete(conversation);
  paint();
  return taken;
}

// A message was refused: its files come back, and the server has them still.
export function giveFilesBack(of, media) {
  kept.set(of, [...media.map((file) => ({ ...file, size: 0, state: "ready" })), ...(kept.get(of) ?? [])]);
  if (of === conversation) paint();
}

// What the server has already, such as the files of a template `of`; each goes along once.
export function addStored(rows, of = "") {
  if (!list) return;
  const present = new Set(mine().map(valueOf));
  enter([...rows].map((row) => read(row, of)).filter((file) => !present.has(valueOf(file))));
  paint();
}

// Another template was chosen: the one before takes its files away.
export function removeStored(of) {
  kept.set(conversation, mine().filter((file) => file.of !== of));
  paint();
}

function read({ dataset }, of = "") {
  const { value, name, size, platforms } = dataset;
  const file = { ...(value.includes(":") ? { address: value } : { id: value }), name, size: Number(size), of };
  return { ...file, ...judge(platforms.split(" ")) };
}

function take(event, data) {
  if (!list || !holds(data) || !data.files.length) return;
  event.preventDefault();
  add([...data.files]);
}

function add(files) {
  const { platform } = box.dataset, chatroom = box.closest("form").elements.chatroom?.value || box.dataset.chatroom;
  enter(files.map((source) => ({ source, name: source.name, size: source.size, chatroom, platform })));
  for (const file of mine()) if (!file.state) upload(file);
  paint();
}

function enter(files) {
  const all = [...mine(), ...files], most = Number(box.dataset.mostFiles);
  kept.set(conversation, all.slice(0, most));
  complain(all.length > most ? word("file-too-many", { n: most }) : "");
}

function upload(file) {
  const request = new XMLHttpRequest(), body = new FormData();      // fetch does not tell how far it is
  body.append("chatroom_id", file.chatroom);
  body.append("file", file.source, file.name);
  request.open("POST", "/api/media");
  for (const [name, value] of Object.entries(csrf())) request.setRequestHeader(name, value);
  request.responseType = "json";
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    file.node?.querySelector("progress").setAttribute("value", total ? loaded / total : 0);
  });
  request.addEventListener("load", () => settle(file, request));
  request.addEventListener("error", () => fail(file, word("file-no-answer"), true));
  Object.assign(file, { request, state: "sending", words: "" });
  request.send(body);
}

function settle(file, { status, response }) {
  if (status === 401) return signIn();
  if (status !== 201) return fail(file, response?.error?.message ?? word("file-no-answer"), status >= 500);
  Object.assign(file, { id: response.id }, judge(response.platforms, file.platform));
  say(file);
  repaint(file);
}

// Whether a file that the server has can go over this platform; where it may be any, those that it can't go over.
function judge(platforms, platform = box.dataset.platform) {
  if (platform) return platforms.includes(platform) ? { state: "ready", words: "" } : { state: "failed", words: word("file-unfit") };
  const others = ["SMS", "MESSENGER", "INSTAGRAM"].filter((each) => !platforms.includes(each));
  const names = others.map((each) => word(`platform.${each}`)).join(", ");
  return { state: "ready", words: "", note: names && word("file-not-for", { platforms: names }) };
}

function fail(file, words, again = false) {
  Object.assign(file, { state: "failed", words, again });
  say(file);
  repaint(file);
}

function drop(file) {
  file.request?.abort();
  forget(file);
  kept.set(conversation, mine().filter((each) => each !== file));
  complain("");
  announce(word("file-dropped", { name: file.name }));
  paint();
  (box.querySelector("textarea") ?? box.querySelector("#attach"))?.focus();
}

function forget(file) {
  if (file.picture) URL.revokeObjectURL(file.picture);
}

// ---------------------------------------------------------------- what is drawn and said
function say({ state, name, words }) {
  announce(state === "ready" ? word("file-ready", { name }) : `${word("file-failed", { name })} ${words}`);
}

function announce(words) { document.getElementById("files-status").textContent = words; }

function complain(words) {
  const line = document.getElementById("files-error");
  line.textContent = words;
  line.hidden = !words;
}

function repaint(file) {
  if (file.node) paintOne(file);
  changed();
}

function paint() {
  if (!list) return;
  list.replaceChildren(...mine().map((file) => { file.node ??= build(file); paintOne(file); return file.node; }));
  list.hidden = !mine().length;
  changed();
}

function build(file) {
  const node = piece("new-file");
  node.querySelector("[data-name]").textContent = file.name;
  node.querySelector("[data-drop]").setAttribute("aria-label", word("file-drop", { name: file.name }));
  node.querySelector("[data-drop]").addEventListener("click", () => drop(file));
  node.querySelector("[data-again]").addEventListener("click", () => { upload(file); repaint(file); });
  if (file.source?.type.startsWith("image/")) {
    file.picture ??= URL.createObjectURL(file.source);
    const picture = document.createElement("img");
    picture.src = file.picture;
    picture.alt = "";
    const place = node.querySelector(".kind"), icon = [...place.children];
    picture.addEventListener("error", () => place.replaceChildren(...icon));
    place.replaceChildren(picture);
  }
  return node;
}

function paintOne({ node, state, words, note, size, again, ...file }) {
  node.classList.toggle("failed", state === "failed");
  node.querySelector("progress").hidden = state !== "sending";
  node.querySelector("[data-again]").hidden = !again || state !== "failed";
  const kilo = Math.ceil(size / 1024), told = !size ? "" : kilo < 1024 ? kilobytes.format(kilo) : megabytes.format(kilo / 1024);
  node.querySelector("[data-words]").textContent = words || [told, note].filter(Boolean).join(" · ");
  const field = node.querySelector("[data-value]");
  field.disabled = state !== "ready" || !box.dataset.field;
  field.name = box.dataset.field ?? "";
  field.value = valueOf(file) ?? "";
}

// ---------------------------------------------------------------- a form whose field they are
const own = document.querySelector("[data-attach]");

// A form goes once its files are there.
function guard(event) {
  const words = areReady() ? count() && box.dataset.platform && isTooMuch() && word("file-too-much") : word("file-waits");
  complain(words || "");
  if (!words) return;
  event.preventDefault();
  (box.querySelector("#attach") ?? list.querySelector("button")).focus();
}

// The files of the template that is chosen are attached; `files_of` says whose they are.
function follow({ template, files_of: held }) {
  if (!template || !held) return;
  const rows = (of) => document.querySelector(`template[data-files-of="${of}"]`)?.content.children ?? [];
  const theirs = new Set([...rows(held.value)].map((row) => row.dataset.value));
  for (const file of mine()) if (theirs.has(valueOf(file))) file.of = held.value;
  template.addEventListener("change", () => {
    if (held.value) removeStored(held.value);
    held.value = template.value;
    if (held.value) addStored(rows(held.value), held.value);
  });
}

if (own) {
  box = own;
  kept.set(FORM, [...own.querySelectorAll("#files > li")].map((row) => read(row)));
  serve(own, FORM, () => {}, () => true);
  changed = () => { if (areReady()) own.dispatchEvent(new Event("files", { bubbles: true })); };      // for who follows the form
  own.closest("form").addEventListener("submit", guard);
  follow(own.closest("form").elements);
}
