// Who else is in the open conversation, and telling them what this person does.
import { listen, tell, whenLive } from "../live.js";
import { word } from "../words.js";
import * as thread from "./thread.js";

const { me } = document.body.dataset;
const people = new Map();    // person -> {name, state, until}
const SAY_EVERY = 20_000, GONE_AFTER = 45_000, TYPING_FOR = 6_000;
let told = "", toldAt = 0;
let replyingIn = null, stopped = null;   // the conversation in which this person is writing, until they pause

// Another conversation is open: who was in the one before is not here.
export function arrive() {
  people.clear();
  tellPresence();
  paintPeople();
}

export function startTyping() {
  replyingIn = thread.open();
  clearTimeout(stopped);
  stopped = setTimeout(stopTyping, TYPING_FOR);
  tellPresence();
}

export function stopTyping() {
  clearTimeout(stopped);
  replyingIn = null;
  tellPresence();
}

// What this person does now. Whoever repeats it (to a newcomer, after a dropped line) must not say less than before.
function doing() {
  if (!thread.open() || document.hidden) return "gone";
  return replyingIn === thread.open() ? "replying" : "viewing";
}

function tellPresence(again = false, state = doing()) {
  const conversation = thread.open(), now = `${conversation}:${state}`;
  if (!again && now === told && Date.now() - toldAt < SAY_EVERY / 2) return;
  [told, toldAt] = [now, Date.now()];
  tell({ type: "presence", conversation_id: conversation, state });
}

function hear({ conversation_id: conversation, user, state }) {
  if (conversation !== thread.open() || user.id === me) return;
  const fresh = !people.has(user.id);
  if (state === "gone") people.delete(user.id);
  else people.set(user.id, { name: user.name, state, until: Date.now() + GONE_AFTER });
  if (fresh && state !== "gone") setTimeout(() => tellPresence(true), Math.random() * 500);
  paintPeople();
}

export function paintPeople() {
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

listen({ presence: hear });
whenLive(() => tellPresence(true));
setInterval(() => {
  if (doing() !== "gone") tellPresence(true);
  paintPeople();
}, SAY_EVERY);
document.addEventListener("visibilitychange", () => {
  people.clear();            // nobody is told of others while they are gone; those who are here say so again
  tellPresence(true);
  paintPeople();
});
addEventListener("pagehide", () => tellPresence(true, "gone"));
