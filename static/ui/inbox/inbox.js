// The inbox: its parts joined, and who is told of what the live connection brings.
import { setBalance } from "../counts.js";
import { isOnline, listen, reloadWhenStale, whenBack, whenLive } from "../live.js";
import { batched } from "../request.js";
import { say, trouble } from "../toasts.js";
import { word } from "../words.js";
import { lookAround } from "./actions.js";
import * as composer from "./composer.js";
import * as keyboard from "./keyboard.js";
import { changedRow, mark, query, redress, reload, removeRow, rows, touchRow } from "./list.js";
import { forget } from "./opened.js";
import { arrive, close, go, phone, show, toggleAside } from "./opening.js";
import * as outbox from "./outbox.js";
import { startTyping, stopTyping } from "./presence.js";
import * as thread from "./thread.js";

const inbox = document.getElementById("inbox"), list = document.getElementById("convs");
const { bubblesUrl, listUrl } = inbox.dataset;
const day = new Date().toDateString();

// ---------------------------------------------------------------- what the live connection brings
const changedBubble = batched(() => bubblesUrl, (content) => { [...content.children].forEach((entry) => thread.put(entry)); });

function changed({ message }) {
  outbox.settled(message.client_id);
  if (message.conversation_id === thread.open()) {
    changedBubble(message.id);
    // One may reply again, or the next message is not the first any more.
    if (message.direction === "inbound" ? message.platform !== "SMS" : composer.footer() || message.error || message.status === "canceled") lookAround();
  }
  changedRow(message.conversation_id);
}

function loseRoom({ chatroom_id: room }) {
  forget();
  for (const each of rows()) if (each.dataset.room === room) removeRow(each.id.slice(5));
  reload();
  if (thread.room() !== room) return;
  close();
  history.replaceState({}, "", listUrl + query());
  say("trouble-banner", word("gone"));
}

listen({
  "message.created": changed,
  "message.updated": changed,
  "opt_out_offer.updated": changed,
  "conversation.updated": ({ conversation: { id } }) => { changedRow(id); if (id === thread.open()) lookAround(); },
  "conversation.moved": ({ conversation_id: id }) => { changedRow(id); if (id === thread.open()) lookAround(); },
  "conversation.read": (frame) => changedRow(frame.conversation_id),
  "access.granted": reload,
  "access.revoked": loseRoom,
});
whenLive(outbox.flush);
whenBack(lookAround);
reloadWhenStale();

// ---------------------------------------------------------------- what the parts tell each other
outbox.start({
  online: isOnline,
  queued: (entry) => touchRow(entry.conversation, entry.content),
  accepted: (entry, { message, remaining_tokens: left }) => {
    setBalance(left);
    changedRow(message.conversation_id);
    stopTyping();
    if (message.conversation_id === entry.conversation) { if (entry.conversation === thread.open()) changedBubble(message.id); }
    else if (entry.conversation === thread.open()) go(message.conversation_id);   // it had been closed: a new one was opened
  },
  refused: (entry, reason) => { composer.giveBack(entry, reason); changedRow(entry.conversation); },
  giveBack: composer.giveBack,
  broke: () => say("tokens-banner", undefined, 20_000),
});
composer.whenWriting(redress, startTyping);
composer.whenEnded(lookAround);
thread.whenRead(changedRow);
keyboard.start({ aside: toggleAside, label: openLabels, select: () => select("toggle") });

// The menu of labels lies in the contact's panel.
function openLabels() {
  if (phone.matches) show("contact");
  else if (!document.getElementById("contact").offsetParent) inbox.dataset.aside = "open";
  keyboard.openMenu("label-menu");
}

// Boxes that select rows come with whoever comes to the list.
const select = (act) => import("./selecting.js").then((selecting) => selecting[act]?.(), trouble);
for (const coming of ["pointerover", "focusin"]) list.addEventListener(coming, () => select(), { once: true });
document.getElementById("select-rows").addEventListener("click", () => select("switchMode"));

// ---------------------------------------------------------------- beginning and end
inbox.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.closest("#log-items")) thread.grew();
});
list.addEventListener("htmx:afterSettle", () => mark(thread.open()));      // rows further down have drafts too

addEventListener("pagehide", composer.leave);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) composer.leave();
  else if (day !== new Date().toDateString()) location.reload();      // "Today" is yesterday now
});

history.replaceState({ list: !thread.open() }, "");
arrive();
