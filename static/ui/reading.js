// Read means: the conversation is open, this tab is looked at, its end is in view, for a moment.
import { csrf } from "./fetching.js";
import * as thread from "./thread.js";

const MOMENT = 600;
let timer = null, done = null, told = () => {};

export function whenRead(tell) { told = tell; }

export const looking = () => !document.hidden && document.body.dataset.pane !== "list" && thread.pinned();

export function consider() {
  clearTimeout(timer);
  timer = setTimeout(read, MOMENT);
}

async function read() {
  const conversation = thread.open();
  const last = thread.newestInbound();
  if (!conversation || !last || !looking() || last.id === done) return;
  const { readUrl, unreadAtFirst } = document.getElementById("thread").dataset;
  const before = done;
  done = last.id;
  if (unreadAtFirst === "0" && before === null) return;            // nothing was unread when it opened
  try {
    const body = new URLSearchParams({ up_to: last.id.slice(2) });
    const response = await fetch(readUrl, { method: "POST", body, headers: { ...csrf(), "HX-Request": "true" } });
    if (!response.ok) throw new Error(`${response.status}`);
    told(conversation);
  } catch {
    done = before;                                           // the next event tries again
  }
}

export function opened() { done = null; consider(); }

document.addEventListener("visibilitychange", consider);
document.addEventListener("scroll", consider, { capture: true, passive: true });
