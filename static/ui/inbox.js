// The inbox: what happens on the socket and on the page, and who is told.
import * as composer from "./composer.js";
import { Connection } from "./connection.js";
import * as counts from "./counts.js";
import { batched, signIn } from "./fetching.js";
import "./keys.js";
import * as list from "./list.js";
import * as panes from "./panes.js";
import * as reading from "./reading.js";
import * as sending from "./sending.js";
import * as shell from "./shell.js";
import { forgetEverything } from "./store.js";
import * as thread from "./thread.js";

const { cursor, rowsUrl, bubblesUrl } = document.getElementById("inbox").dataset;
const day = new Date().toDateString();

const changedRow = batched(rowsUrl, (part, ids) => {
  const found = new Map([...part.querySelectorAll(".conv")].map((row) => [row.id.slice(5), row]));
  for (const id of ids) {
    if (found.has(id)) list.put(found.get(id));
    else list.remove(id);
  }
  counts.setUnread([...part.querySelectorAll("[data-room-unread]")].map((room) => [room.dataset.roomUnread, Number(room.value)]));
});

const changedBubble = batched(bubblesUrl, (part) => {
  for (const bubble of [...part.querySelectorAll(".msg")]) {
    const unseen = !reading.looking();
    if (thread.put(bubble) && unseen) thread.drawNewLine(bubble);
  }
  reading.consider();
});

const frames = {
  "message.created": ({ message }) => changed(message),
  "message.updated": ({ message }) => changed(message),
  "conversation.updated": ({ conversation }) => changedRow(conversation.id),
  "conversation.read": (frame) => changedRow(frame.conversation_id),
  "balance.updated": ({ balance }) => counts.setBalance(balance),
  "access.revoked": ({ chatroom_id: room }) => {
    list.removeRoom(room);
    counts.forgetRoom(room);
    if (thread.room() !== room) return;
    panes.close();
    shell.say("trouble-banner", shell.word("gone"));
  },
};

function changed(message) {
  sending.settled(message.client_id);
  if (message.conversation_id === thread.open()) changedBubble(message.id);
  changedRow(message.conversation_id);
}

const connection = new Connection(cursor, {
  frame: (frame) => frames[frame.type]?.(frame),
  changed: () => {
    shell.paint();
    if (connection.state === "live") sending.flush();
  },
  back: shell.back,
  reload: () => { composer.leave(); location.reload(); },
  signedOut: () => { composer.leave(); signIn(); },
});
shell.watch(connection);

sending.start({
  online: () => connection.state === "live" || connection.state === "delayed",
  queued: (entry) => list.touch(entry.conversation, entry.content),
  accepted: (entry, { message, remaining_tokens: left }) => {
    counts.setBalance(left);
    changedRow(message.conversation_id);
    if (message.conversation_id === entry.conversation) { if (entry.conversation === thread.open()) changedBubble(message.id); }
    else if (entry.conversation === thread.open()) panes.go(message.conversation_id);   // it had been closed: a new one was opened
  },
  refused: (entry, reason) => {
    composer.refused(entry.conversation, entry.content, reason);
    changedRow(entry.conversation);
  },
});

composer.whenDrafted(changedRow);
reading.whenRead(changedRow);
panes.start(() => {
  thread.opened();
  composer.opened();
  sending.opened();
  reading.opened();
  shell.tick();
});

document.getElementById("inbox").addEventListener("htmx:afterSettle", (event) => {
  if (event.target.closest("#log-items")) thread.grew();
});

// Rows that were loaded further down have drafts too.
document.getElementById("convs").addEventListener("htmx:afterSettle", () => list.mark(thread.open()));

for (const form of document.querySelectorAll("form[action='/logout/']")) form.addEventListener("submit", forgetEverything);

addEventListener("pagehide", composer.leave);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) composer.leave();
  else if (day !== new Date().toDateString()) location.reload();      // "Today" is yesterday now
});
