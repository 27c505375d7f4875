// Files that go along with the next message: sent to the server while it is being written, each by itself.
import { csrf, signIn } from "../request.js";
import { piece, word } from "../words.js";

const kept = new Map();                 // conversation -> its files, while this page is open
const sizes = new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 });
let form = null, list = null, conversation = null, changed = () => {}, wanted = () => true;

// `takes` says whether files are wanted now: a note has none.
export function serve(box, of, onChange, takes) {
  [form, conversation, changed, wanted] = [box, of, onChange, takes];
  const button = form?.querySelector("#attach");       // none where only a note can be written
  list = button ? form.querySelector("#files") : null;
  if (!list) return;
  const input = form.querySelector("#file");
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => { add([...input.files]); input.value = ""; });
  // What is copied out of a document is a text with a picture of it.
  form.addEventListener("paste", (event) => event.clipboardData.types.includes("text/plain") || take(event, event.clipboardData));
  form.addEventListener("dragover", (event) => { if (holds(event.dataTransfer)) event.preventDefault(); });
  form.addEventListener("drop", (event) => take(event, event.dataTransfer));
  for (const file of mine()) file.node = null;
  paint();
}

const mine = () => kept.get(conversation) ?? [];
const holds = (data) => wanted() && data?.types.includes("Files");

export const count = () => (list ? mine().length : 0);
export const areReady = () => mine().every((file) => file.state === "ready");
export const isTooMuch = () => mine().reduce((sum, { size }) => sum + size, 0) > Number(form.dataset.mostBytes);

// What goes along with a message that is sent now.
export function takeOut() {
  const taken = mine().map(({ id, name }) => ({ id, name }));
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

function take(event, data) {
  if (!list || !holds(data) || !data.files.length) return;
  event.preventDefault();
  add([...data.files]);
}

function add(files) {
  const { chatroom, platform } = form.dataset;
  const fresh = files.map((source) => ({ source, name: source.name, size: source.size, chatroom, platform }));
  kept.set(conversation, [...mine(), ...fresh].slice(0, Number(form.dataset.mostFiles)));
  for (const file of mine()) if (!file.state) upload(file);
  paint();
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
  if (!response.platforms.includes(file.platform)) return fail(file, word("file-unfit"));
  Object.assign(file, { state: "ready", id: response.id });
  repaint(file);
}

function fail(file, words, again = false) {
  Object.assign(file, { state: "failed", words, again });
  repaint(file);
}

function drop(file) {
  file.request?.abort();
  forget(file);
  kept.set(conversation, mine().filter((each) => each !== file));
  paint();
  form.querySelector("textarea").focus();
}

function forget(file) {
  if (file.picture) URL.revokeObjectURL(file.picture);
}

// ---------------------------------------------------------------- what is drawn
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
    node.querySelector(".kind").replaceChildren(picture);
  }
  return node;
}

function paintOne({ node, state, words, size, again }) {
  node.classList.toggle("failed", state === "failed");
  node.querySelector("progress").hidden = state !== "sending";
  node.querySelector("[data-again]").hidden = !again || state !== "failed";
  node.querySelector("[data-words]").textContent = words || (size ? sizes.format(Math.max(size / 1024 / 1024, 0.1)) : "");
}
