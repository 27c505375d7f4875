// Selecting conversations, and doing one thing with all that are selected. What can be done comes with the first of them.
import { part, post } from "../request.js";
import { toast, trouble } from "../toasts.js";
import { counted, number, word } from "../words.js";
import { changedRow, focusRow, openRow, query, rowOf } from "./list.js";
import { lookAround } from "./actions.js";
import * as thread from "./thread.js";

const MOST = 200;                        // messaging/conversations/bulk.py refuses more
const list = document.getElementById("convs"), bar = document.getElementById("bulk");
const acts = bar.querySelector("[data-bulk-acts]"), mode = document.getElementById("select-rows");
let lastBox = null;                      // where a range begins
let fetched = null;

const boxes = () => [...list.querySelectorAll("[name=selected]")];
const chosen = () => boxes().filter((box) => box.checked);

function draw() {
  const n = chosen().length;
  bar.toggleAttribute("data-shown", n > 0);
  list.toggleAttribute("data-selecting", n > 0 || mode.ariaPressed === "true");
  if (n) bar.querySelector("[data-bulk-count]").textContent = counted("selected", n);
  if (n) fetchActs();
}

// A change beyond the limit is taken back, and said.
function choose(wanted, on) {
  let room = MOST - chosen().length;
  for (const box of wanted) {
    if (on && !box.checked && room-- <= 0) { toast(word("selected-most", { n: number(MOST) })); break; }
    box.checked = on;
  }
  draw();
}

function fetchActs() {
  fetched ??= part(bar.action).then(
    ({ content }) => { acts.replaceChildren(content); },
    (error) => { fetched = null; trouble(error); },
  );
}

// The row with the focus, or that of the open conversation.
export function toggle() {
  const row = document.activeElement.closest(".conv-row")?.querySelector(".conv") ?? openRow();
  const box = row?.parentElement.querySelector("[name=selected]");
  if (box) { choose([box], !box.checked); lastBox = box; }
}

function clear() {
  if (bar.contains(document.activeElement)) focusRow();
  mode.ariaPressed = "false";
  for (const box of chosen()) box.checked = false;
  draw();
}

list.addEventListener("click", (event) => {
  const box = event.target;
  if (!box.matches("[name=selected]")) return;
  const all = boxes(), from = all.indexOf(lastBox), to = all.indexOf(box), on = box.checked;
  box.checked = !on;
  choose(event.shiftKey && from >= 0 ? all.slice(Math.min(from, to), Math.max(from, to) + 1) : [box], on);
  if (box.checked !== on) event.preventDefault();
  lastBox = box;
});
mode.addEventListener("click", () => {
  const on = mode.ariaPressed !== "true";
  if (!on) return clear();
  mode.ariaPressed = "true";
  draw();
});
bar.querySelector("[data-select-shown]").addEventListener("click", () => choose(boxes(), true));
bar.addEventListener("reset", (event) => { event.preventDefault(); clear(); });
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open], details[data-drop][open]")) return;
  if (bar.hasAttribute("data-shown") && !event.target.closest("textarea, input:not([name=selected])")) clear();
});
// Rows come and go by themselves.
new MutationObserver(() => { if (bar.hasAttribute("data-shown")) draw(); }).observe(list, { childList: true });
addEventListener("pageshow", draw);      // a browser's way back fills the boxes in late

bar.addEventListener("submit", (event) => {
  event.preventDefault();
  const { name, value } = event.submitter ?? {};
  if (name) act(chosen().map((box) => box.value), [[name, value]]);
});

async function act(ids, fields) {
  if (!ids.length) return;
  for (const menu of bar.querySelectorAll("details[open]")) menu.open = false;
  clear();
  try {
    const { content, told } = await post(bar.action + query(), [...fields, ...ids.map((id) => ["selected", id])]);
    const undo = content.querySelector("[name=undo]")?.value;
    toast(told.done.words, undo && { words: word("undo"), run: () => takeBack(ids, undo) });
  } catch (error) {
    choose(ids.map((id) => rowOf(id)?.parentElement.querySelector("[name=selected]")).filter(Boolean), true);
    trouble(error);
  }
  changed(ids);
}

async function takeBack(ids, undo) {
  try {
    const { told } = await post(bar.action + query(), [["undo", undo]]);
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
