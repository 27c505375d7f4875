// Messages on their way to the server: on the page at once, kept in this browser until the server has them, and sent
// once. The client_id makes a repeated request harmless: the server answers with the message that it made before.
import { keepOutbox, outbox } from "../drafts.js";
import { csrf, isSignIn, signIn } from "../request.js";
import { piece, word } from "../words.js";
import { draw, look, mine, open, seenUpTo, toEnd, undraw } from "./thread.js";

const PATIENCE = 15_000;                // no answer for so long is none
const FRESH = 10 * 60_000;              // older ones are not sent behind a person's back
const REFUSED = [400, 404, 409, 413, 422];
const GUARDS = ["newer_messages", "duplicate"];      // a person may send it all the same

// {id, conversation, content, media, template, at, state: waiting | failed, words, seen, sendAt, anyway, guard}
let entries = outbox();
let busy = false;
let on = null;                          // online(), queued(entry), accepted(entry, answer), refused(entry, reason), giveBack(entry), broke()

export function start(handlers) {
  on = handlers;
  for (const entry of entries) {
    if (Date.now() - entry.at > FRESH) fail(entry, word("no-answer"));
  }
  flush();
}

export function send(conversation, content, sendAt, media = [], template) {
  const entry = { id: uuid(), conversation, content, media, template, at: Date.now(), state: "waiting", seen: seenUpTo(), sendAt };
  entries.push(entry);
  keep();
  show(entry);
  on.queued(entry);
  flush();
}

// What is not with the server yet belongs at the end of its conversation.
export function showUnsent() {
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
  if (entry.template && response.status === 400) {       // it was deleted meanwhile: the text goes out all the same
    entry.template = null;
    return deliver(entry);
  }
  const message = answer.error?.message ?? word("refused");
  if (response.status === 401) { signIn(); return false; }
  if (response.status === 402) on.broke();
  if (GUARDS.includes(answer.error?.code)) return fail(entry, message, answer.error.code);
  if (REFUSED.includes(response.status)) {
    drop(entry);
    undraw(entry.id);
    on.refused(entry, message);
    return true;
  }
  return fail(entry, response.status >= 500 ? word("no-answer") : message);
}

function asked(entry) {
  const body = { conversation_id: entry.conversation, content: entry.content, client_id: entry.id };
  if (entry.media?.length) body.media = entry.media.map(({ id, address }) => address ?? { id });
  if (entry.template) body.used_template_id = entry.template;
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
  bubble.id = `c-${entry.id}`;
  bubble.dataset.client = entry.id;
  const words = bubble.querySelector(".bubble");
  words.textContent = entry.content;
  for (const { name } of entry.media ?? []) words.after(piece("sent-file", name));
  if (!entry.content) words.remove();
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
    on.giveBack(entry);
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
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
