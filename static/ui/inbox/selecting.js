// Selecting conversations, and doing one thing with all that are selected. Fetched when somebody comes to the list.
import { part, post } from "../request.js";
import { toast, trouble } from "../toasts.js";
import { number, word } from "../words.js";
import { lookAround } from "./actions.js";
import { changedRow, focusRow, openRow, query, rowOf } from "./list.js";
import * as thread from "./thread.js";

const MOST = 200;                        // messaging/conversations/bulk.py refuses more
const plurals = new Intl.PluralRules(document.documentElement.lang);
const list = document.getElementById("convs"), mode = document.getElementById("select-rows");
const address = `${document.getElementById("inbox").dataset.listUrl}bulk/`;
let bar = null, fetching = null;         // what can be done comes with the first that is selected
let lastBox = null;                      // where a range begins

const boxes = () => [...list.querySelectorAll(".conv-pick > input")];
const chosen = () => boxes().filter((box) => box.checked);
const rowBy = (box) => box.closest(".conv-row").querySelector(".conv");
const boxOf = (row) => row?.parentElement.querySelector(".conv-pick > input");
const idOf = (box) => rowBy(box).id.slice(5);

// A box beside each row. It is no stop of the Tab key, which has enough of them: the keyboard selects by x.
function dress() {
  for (const frame of list.querySelectorAll(":scope > .conv-row:not(:has(> .conv-pick))")) {
    const label = document.createElement("label"), box = document.createElement("input");
    label.className = "conv-pick";
    Object.assign(box, { type: "checkbox", className: "check", tabIndex: -1 });
    box.setAttribute("aria-label", word("select", { name: frame.querySelector(".conv-name").textContent }));
    label.append(box);
    frame.append(label);
  }
}

function draw() {
  const n = chosen().length;
  list.toggleAttribute("data-selecting", n > 0 || mode.ariaPressed === "true");
  if (n && !bar) return fetchBar();
  bar?.toggleAttribute("data-shown", n > 0);
  if (n) bar.querySelector("[role=status]").textContent = bar.dataset[plurals.select(n)].replace("{n}", number(n));
}

function fetchBar() {
  fetching ??= part(address).then(({ content }) => {
    bar = content.querySelector("form");
    list.after(bar);
    bar.addEventListener("submit", submit);
    bar.addEventListener("reset", (event) => { event.preventDefault(); clear(); });
    bar.querySelector("[data-select-shown]").addEventListener("click", () => choose(boxes(), true));
    draw();
  }, (error) => { fetching = null; clear(); trouble(error); });
}

// What is beyond the limit stays as it is, and that is said.
function choose(wanted, on) {
  let room = MOST - chosen().length;
  for (const box of wanted) {
    if (on && !box.checked && room-- <= 0) { if (bar) toast(bar.dataset.most); break; }
    box.checked = on;
  }
  draw();
}

function clear() {
  if (bar?.contains(document.activeElement)) focusRow();
  mode.ariaPressed = "false";
  for (const box of chosen()) box.checked = false;
  draw();
}

// The row with the focus, or that of the open conversation.
export async function toggle() {
  const row = document.activeElement.closest(".conv-row")?.querySelector(".conv") ?? openRow();
  await ready;
  const box = boxOf(row);
  if (box) { choose([box], !box.checked); lastBox = box; }
}

// Boxes on all rows, or none selected.
export async function switchMode() {
  await ready;
  if (mode.ariaPressed === "true") return clear();
  mode.ariaPressed = "true";
  draw();
}

list.addEventListener("click", (event) => {
  const box = event.target;
  if (!box.matches(".conv-pick > input")) return;
  const all = boxes(), from = all.indexOf(lastBox), to = all.indexOf(box), on = box.checked;
  box.checked = !on;
  choose(event.shiftKey && from >= 0 ? all.slice(Math.min(from, to), Math.max(from, to) + 1) : [box], on);
  if (box.checked !== on) event.preventDefault();
  lastBox = box;
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open], details[data-drop][open]")) return;
  if (chosen().length && !event.target.closest("textarea, input:not(.conv-pick > input)")) clear();
});
// Boxes come with their style.
const ready = new Promise((done) => {
  const sheet = document.createElement("link");
  Object.assign(sheet, { rel: "stylesheet", href: mode.dataset.sheet, onload: done, onerror: done });
  document.head.append(sheet);
}).then(() => {
  dress();
  new MutationObserver(() => { dress(); draw(); }).observe(list, { childList: true });
});

function submit(event) {
  event.preventDefault();
  const { name, value } = event.submitter ?? {};
  if (name) act(chosen().map(idOf), [[name, value]]);
}

async function act(ids, fields) {
  if (!ids.length) return;
  for (const menu of bar.querySelectorAll("details[open]")) menu.open = false;
  clear();
  try {
    const { content, told } = await post(address + query(), [...fields, ...ids.map((id) => ["selected", id])]);
    const undo = content.querySelector("[name=undo]")?.value;
    toast(told.done.words, undo && { words: word("undo"), run: () => takeBack(ids, undo) });
  } catch (error) {
    choose(ids.map((id) => boxOf(rowOf(id))).filter(Boolean), true);
    trouble(error);
  }
  changed(ids);
}

async function takeBack(ids, undo) {
  try {
    const { told } = await post(address + query(), [["undo", undo]]);
    toast(told.done.words);
  } catch (error) {
    trouble(error);
  }
  changed(ids);
}

function changed(ids) {
  ids.forEach(changedRow);
  if (ids.includes(thread.open())) lookAround();
}
