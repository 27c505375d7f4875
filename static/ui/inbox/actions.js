// What people do with a conversation, and what stands around it afterwards.
import { part, post } from "../request.js";
import { toast, trouble } from "../toasts.js";
import { word } from "../words.js";
import * as composer from "./composer.js";
import { changedRow, putRow, query, removeRow, rowBeside, rowOf } from "./list.js";
import { close, go, leaveFor, phone } from "./opening.js";
import { paintPeople } from "./presence.js";
import * as thread from "./thread.js";

const { listUrl } = document.getElementById("inbox").dataset;

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-act]");
  if (!form) return;
  event.preventDefault();
  const fields = Object.fromEntries([...new FormData(form, event.submitter)].filter(([name, value]) => value !== "" || name === "content"));
  const menu = (event.submitter ?? form.parentElement).closest("details[data-drop]");
  for (const drop of menu ? [menu] : form.querySelectorAll("details[open]")) drop.open = false;
  if (form.dataset.act === "message") changeMessage(form.action, fields);
  else change(thread.open(), form.action, fields);
});

async function changeMessage(address, fields) {
  try {
    const { content, told } = await post(address, fields);
    [...content.children].forEach((entry) => thread.put(entry));
    toast(told.done.words);
  } catch (error) {
    trouble(error);
  }
}

// The next conversation comes under the pointer of who has just resolved one: a double click must not resolve it too.
let left = -Infinity;
document.addEventListener("click", (event) => {
  if (event.detail && event.timeStamp - left < 600 && event.target.closest("#resolve")) event.preventDefault();
}, true);

// Done on the page at once where the conversation leaves it; put back if the server would not.
async function change(id, address, fields) {
  const leaves = fields.status === "CLOSED" || Boolean(fields.snoozed_until);
  if (leaves) left = performance.now();
  const row = rowOf(id), following = rowBeside(id);
  if (fields.unread) { thread.leaveUnread(); leaveFor(listUrl + query()); row?.focus(); }
  if (leaves) {
    if (!/status=(any|closed|snoozed)/.test(query())) removeRow(id);
    if (following && !phone.matches) { following.focus(); following.click(); }
    else { leaveFor(listUrl + query()); following?.focus(); }
  }
  try {
    const { content, told } = await post(address, fields);
    const undo = told.done.undo;
    toast(told.done.words, undo && { words: word("undo"), run: () => takeBack(id, address, undo, leaves, row) });
    if (thread.open() === id) putSide(content);
  } catch (error) {
    if (leaves && row && !row.isConnected) putRow(row);
    trouble(error);
  }
  changedRow(id);
}

async function takeBack(id, address, fields, left, row) {
  try {
    const { content } = await post(address, fields);
    toast(word("undone"));
    if (row && !row.isConnected) putRow(row);
    if (thread.open() === id) putSide(content);
  } catch (error) {
    trouble(error);
  }
  changedRow(id);
  if (!left || composer.isFocused()) return;       // who writes to somebody else by now goes on
  go(id);
  rowOf(id)?.focus();
}

// ---------------------------------------------------------------- what stands around the thread
// As it is now, and what colleagues wrote and did meanwhile.
function putSide(content) {
  for (const entry of [...content.getElementById("fresh-entries")?.children ?? []]) thread.put(entry);
  composer.replaceBox(content.getElementById("composer-wrap"));
  for (const name of ["thread-head", "contact"]) {
    const old = document.getElementById(name), fresh = content.getElementById(name);
    if (!old || !fresh || old.querySelector("details[data-drop][open]")) continue;
    const folded = [...old.querySelectorAll("details.sect:not([open]) h3")].map((each) => each.textContent);
    for (const sect of fresh.querySelectorAll("details.sect")) if (folded.includes(sect.querySelector("h3").textContent)) sect.open = false;
    old.replaceWith(fresh);
    htmx.process(fresh);
  }
  paintPeople();
}

let looking = null;

export function lookAround() {
  clearTimeout(looking);
  looking = setTimeout(async () => {
    const id = thread.open();
    if (!id) return;
    try {
      const url = new URL(thread.about().sideUrl, location.href);
      url.searchParams.set("since", thread.newest());
      const { content } = await part(url);
      if (thread.open() === id) putSide(content);
    } catch (error) {
      if (error.status === 404) close();
    }
  }, 40);
}
