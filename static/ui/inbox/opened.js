// Conversations that were opened on this page, as the server sent them: they open again without a network.
import { piece } from "../words.js";
import { rowOf } from "./list.js";

const MOST = 50;
const answers = new Map();              // id -> what the server sent, the newest last
let old = null;                         // the one that is shown from here

export function keep(id, answer) {
  answers.delete(id);
  answers.set(id, answer);
  if (answers.size > MOST) answers.delete(answers.keys().next().value);
  if (old === id) old = null;
}

// Some of them may not be seen any more.
export const forget = () => answers.clear();

// Shows it as it was, or says on its row that it can't be had now. `eventInfo` is what htmx tells of a request.
export function openOffline(id, eventInfo) {
  const answer = answers.get(id);
  if (answer === undefined) return sayOffline(rowOf(id));
  old = id;
  htmx.swap("#thread", answer, { swapStyle: "outerHTML" }, { eventInfo });
}

// The conversation whose answer must be asked for again, once there is a network.
export function takeOld() {
  document.querySelectorAll("[data-offline]").forEach((line) => line.remove());
  const id = old;
  old = null;
  return id;
}

function sayOffline(row) {
  if (row && !row.querySelector("[data-offline]")) row.querySelector(".conv-low").prepend(piece("offline-line"));
}
