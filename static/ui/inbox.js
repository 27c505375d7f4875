// The inbox: which conversation is open, what people do with it, who else is here, and who is told of what the socket
// brings.
import * as composer from "./composer.js";
import * as keyboard from "./keyboard.js";
import { changedRow, load, mark, putRow, query, reload, removeRow, rowOf, rows, touchRow, whenFiltered } from "./list.js";
import { Connection, batched, forgetEverything, forgetRoom, isSignIn, part, post, setBalance, setUnread, signIn, trouble } from "./live.js";
import * as outbox from "./outbox.js";
import { back, paint, piece, rests, say, tick, toast, watch, word } from "./shell.js";
import * as thread from "./thread.js";

const inbox = document.getElementById("inbox"), list = document.getElementById("convs");
const { cursor, bubblesUrl, listUrl, me } = inbox.dataset;
const phone = matchMedia("(max-width: 640px)"), still = matchMedia("(prefers-reduced-motion: reduce)");
const day = new Date().toDateString();

// ---------------------------------------------------------------- which conversation: the address, and on phones which pane
const idIn = (address) => new URL(address, location.href).pathname.match(/^\/inbox\/([0-9a-f-]{36})\/$/)?.[1] ?? null;
const show = (pane) => { document.body.dataset.pane = pane; };
const fetchOpen = (address) => htmx.ajax("GET", address, { target: "#thread", swap: "outerHTML", source: "#inbox" });
const isOpening = (event) => event.detail.target?.id === "thread";
let waiting = null;

function go(id) {
  const row = rowOf(id);
  if (row) return row.click();
  history.pushState({}, "", `/inbox/${id}/${query()}`);
  fetchOpen(location.href);
}

// No conversation: what was open is gone or left.
function close() {
  document.getElementById("thread").replaceWith(piece("no-thread"));
  document.getElementById("contact").hidden = true;
  show("list");
  arrived();
}

function leaveFor(address) {
  composer.leave();
  history.pushState({}, "", address);
  close();
}

function arrived() {
  mark(thread.open());
  people.clear();
  thread.opened();
  composer.opened();
  outbox.showUnsent();
  tick();
  tellPresence();
  paintPeople();
}

inbox.addEventListener("htmx:beforeRequest", (event) => {
  if (!isOpening(event)) return;
  mark(idIn(event.detail.pathInfo.requestPath));
  clearTimeout(waiting);
  waiting = setTimeout(() => document.getElementById("thread").append(piece("thread-skeleton")), 150);
});

inbox.addEventListener("htmx:afterRequest", (event) => {
  if (!isOpening(event)) return;
  clearTimeout(waiting);
  document.querySelector("#thread > .thread-skeleton")?.remove();
});

inbox.addEventListener("htmx:beforeSwap", (event) => {
  if (isSignIn(event.detail.xhr.responseURL)) { event.detail.shouldSwap = false; return signIn(); }
  if (isOpening(event) && event.detail.shouldSwap) composer.leave();
});

inbox.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "thread") return;        // told once for every part that was swapped
  const { requestConfig, pathInfo } = event.detail;
  if (requestConfig.elt.matches(".conv") && idIn(location.href) !== thread.open()) {
    history.pushState({ fromList: !idIn(location.href) }, "", pathInfo.requestPath);
  }
  show("thread");
  arrived();
  const byPointer = requestConfig.triggeringEvent?.detail > 0;
  if (byPointer && matchMedia("(pointer: fine)").matches) composer.write();
});

for (const failed of ["htmx:responseError", "htmx:sendError"]) {
  inbox.addEventListener(failed, (event) => {
    if (!isOpening(event)) return;
    mark(thread.open());
    if (event.detail.xhr?.status === 404) removeRow(idIn(event.detail.pathInfo.requestPath));
    say("trouble-banner", word("not-loaded"));
  });
}

addEventListener("popstate", () => {
  const id = idIn(location.href);
  if (new URLSearchParams(location.search).toString() !== new URLSearchParams(query()).toString()) load(location.href, { push: false });
  if (id && id === thread.open()) show("thread");
  else if (id) fetchOpen(location.href);
  else if (thread.open()) { composer.leave(); close(); }
});

inbox.addEventListener("click", (event) => {
  const other = event.target.closest("[data-open]");
  if (other && !event.ctrlKey && !event.metaKey) { event.preventDefault(); return go(other.dataset.open); }
  const picture = event.target.closest("[data-view]");
  if (picture && !event.ctrlKey && !event.metaKey) { event.preventDefault(); return import("./viewer.js").then(({ view }) => view(picture), trouble); }
  const quote = event.target.closest(".quote[href]");
  if (quote) {
    event.preventDefault();
    const said = document.querySelector(quote.hash);
    said?.scrollIntoView({ block: "center", behavior: still.matches ? "auto" : "smooth" });
    said?.classList.add("found");
    setTimeout(() => said?.classList.remove("found"), 1500);
    return;
  }
  const button = event.target.closest("[data-show-pane]");
  if (!button || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const pane = button.dataset.showPane;
  if (pane === "contact" && !phone.matches) return toggleAside();
  if (pane !== "list") return show(pane);
  if (history.state?.fromList) return history.back();
  leaveFor(button.href);
});

rests.contact = () => document.querySelector(".show-contact");
rests.inbox = () => (thread.open() && document.body.dataset.pane !== "list" ? rests.thread() : rests.list());

function toggleAside() {
  const closed = inbox.dataset.aside === "closed" || (innerWidth <= 1180 && inbox.dataset.aside !== "open");
  inbox.dataset.aside = closed ? "open" : "closed";
}

// The menu of labels, which lies in the contact's panel.
function labels() {
  if (phone.matches) show("contact");
  else if (!document.getElementById("contact").offsetParent) inbox.dataset.aside = "open";
  keyboard.openMenu("label-menu");
}

// ---------------------------------------------------------------- what people do with a conversation
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
  const row = rowOf(id), following = row && (row.nextElementSibling?.matches(".conv") ? row.nextElementSibling : row.previousElementSibling);
  if (fields.unread) { thread.leaveUnread(); leaveFor(listUrl + query()); row?.focus(); }
  if (leaves) {
    if (!/status=(any|closed|snoozed)/.test(query())) row?.remove();
    if (following?.matches(".conv") && !phone.matches) { following.focus(); following.click(); }
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

// What stands around the thread as it is now, and what colleagues wrote and did meanwhile.
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

function lookAround() {
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

// ---------------------------------------------------------------- who else is here
const people = new Map();    // person -> {name, state, until}
const SAY_EVERY = 20_000, GONE_AFTER = 45_000, TYPING_FOR = 6_000;
let told = "", toldAt = 0;
let replyingIn = null, stopped = null;   // the conversation in which this person is writing, until they pause

// What this person does now. Whoever repeats it (to a newcomer, after a dropped line) must not say less than before.
function doing() {
  if (!thread.open() || document.hidden) return "gone";
  return replyingIn === thread.open() ? "replying" : "viewing";
}

function tellPresence(again = false, state = doing()) {
  const conversation = thread.open(), now = `${conversation}:${state}`;
  if (!again && now === told && Date.now() - toldAt < SAY_EVERY / 2) return;
  [told, toldAt] = [now, Date.now()];
  connection?.say({ type: "presence", conversation_id: conversation, state });
}

setInterval(() => {
  if (doing() !== "gone") tellPresence(true);
  paintPeople();
}, SAY_EVERY);
document.addEventListener("visibilitychange", () => tellPresence(true));

function typing() {
  replyingIn = thread.open();
  clearTimeout(stopped);
  stopped = setTimeout(paused, TYPING_FOR);
  tellPresence();
}

function paused() {
  clearTimeout(stopped);
  replyingIn = null;
  tellPresence();
}

function heard({ conversation_id: conversation, user, state }) {
  if (conversation !== thread.open() || user.id === me) return;
  const fresh = !people.has(user.id);
  if (state === "gone") people.delete(user.id);
  else people.set(user.id, { name: user.name, state, until: Date.now() + GONE_AFTER });
  if (fresh && state !== "gone") setTimeout(() => tellPresence(true), Math.random() * 500);
  paintPeople();
}

function paintPeople() {
  for (const [id, each] of people) if (each.until < Date.now()) people.delete(id);
  const here = [...people.values()], writing = here.filter((each) => each.state === "replying");
  const viewing = document.getElementById("viewing"), line = document.getElementById("typing");
  if (!viewing || !line) return;
  viewing.hidden = !here.length;
  const said = document.createElement("span");
  said.textContent = here.length > 1 ? word("viewing.other", { n: here.length }) : here.length ? word("viewing.one", { name: first(here[0]) }) : "";
  viewing.replaceChildren(...here.slice(0, 3).map(face).filter(Boolean), said);
  viewing.title = here.map((each) => each.name).join(", ");
  line.hidden = !writing.length;
  line.textContent = writing.length ? word("replying", { name: writing.map(first).join(", ") }) : "";
}

// A colleague's avatar, as the server draws it in the list of those who can be mentioned.
const face = ({ name }) => document.getElementById("colleagues")?.content.querySelector(`[data-name="${CSS.escape(name)}"] .av`)?.cloneNode(true);
const first = ({ name }) => name.split(" ")[0];

// ---------------------------------------------------------------- what the socket brings
const changedBubble = batched(() => bubblesUrl, (content) => { [...content.children].forEach((entry) => thread.put(entry)); });

const frames = {
  "message.created": ({ message }) => changed(message),
  "message.updated": ({ message }) => changed(message),
  "conversation.updated": ({ conversation }) => { changedRow(conversation.id); if (conversation.id === thread.open()) lookAround(); },
  "conversation.read": (frame) => changedRow(frame.conversation_id),
  "balance.updated": ({ balance }) => setBalance(balance),
  "presence": heard,
  "access.granted": newRoom,
  "access.revoked": ({ chatroom_id: room }) => {
    for (const each of rows()) if (each.dataset.room === room) each.remove();
    forgetRoom(room);
    reload();
    if (thread.room() !== room) return;
    close();
    history.replaceState({}, "", listUrl + query());
    say("trouble-banner", word("gone"));
  },
};

function changed(message) {
  outbox.settled(message.client_id);
  if (message.conversation_id === thread.open()) changedBubble(message.id);
  changedRow(message.conversation_id);
}

// Somebody may work in one more chatroom: its link, its unread count and its conversations appear.
async function newRoom() {
  try {
    const response = await fetch(listUrl + query());
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    document.querySelector(".account").append(document.getElementById("account-menu"));   // it may be in the tab bar
    for (const place of [".side-scroll", ".tabbar"]) document.querySelector(place)?.replaceWith(fresh.querySelector(place));
    setUnread([...fresh.querySelectorAll(".rooms [data-unread]")].map((each) => [each.dataset.unread, Number(each.querySelector("[data-count]").textContent)]));
  } catch { /* the next page has it */ }
  reload();
}

const connection = new Connection(cursor, {
  frame: (frame) => frames[frame.type]?.(frame),
  changed: () => {
    paint();
    if (connection.state !== "live") return;
    outbox.flush();
    tellPresence(true);
  },
  back: (missed, away) => { back(missed, away); lookAround(); },
  reload: () => { composer.leave(); location.reload(); },
  signedOut: () => { composer.leave(); signIn(); },
});
watch(connection);

outbox.start({
  online: () => connection.state === "live" || connection.state === "delayed",
  queued: (entry) => touchRow(entry.conversation, entry.content),
  accepted: (entry, { message, remaining_tokens: left }) => {
    setBalance(left);
    changedRow(message.conversation_id);
    paused();
    if (message.conversation_id === entry.conversation) { if (entry.conversation === thread.open()) changedBubble(message.id); }
    else if (entry.conversation === thread.open()) go(message.conversation_id);   // it had been closed: a new one was opened
  },
  refused: (entry, reason) => { composer.giveBack(entry, reason); changedRow(entry.conversation); },
  giveBack: composer.giveBack,
  broke: () => say("tokens-banner", undefined, 20_000),
});
composer.whenWriting(changedRow, typing);
thread.whenRead(changedRow);
whenFiltered(() => { if (phone.matches && thread.open()) leaveFor(listUrl); });
keyboard.start({ aside: toggleAside, label: labels });

// ---------------------------------------------------------------- beginning and end
inbox.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.closest("#log-items")) thread.grew();
});
list.addEventListener("htmx:afterSettle", () => mark(thread.open()));      // rows further down have drafts too

for (const form of document.querySelectorAll("form[action='/logout/']")) form.addEventListener("submit", forgetEverything);

addEventListener("pagehide", () => { composer.leave(); tellPresence(true, "gone"); });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) composer.leave();
  else if (day !== new Date().toDateString()) location.reload();      // "Today" is yesterday now
});

history.replaceState({ list: !thread.open() }, "");
arrived();
