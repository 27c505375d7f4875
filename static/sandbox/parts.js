/* What the sandbox's pages share: asking it, and drawing what has changed. */

export const SECOND = 1000;
export const byId = (id) => document.getElementById(id);

const API = "/sandbox";
const drawn = new Map();

export async function call(path, { method = "GET", payload } = {}) {
  const answer = await fetch(API + path, {
    method,
    headers: payload ? { "Content-Type": "application/json" } : {},
    body: payload && JSON.stringify(payload),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? `The sandbox answered ${answer.status}.`);
  return body;
}

export function element(tag, { className = "", text, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter(Boolean));
  return made;
}

/* Draws only when the data differ, so that focus, selection and readers are left in peace. */
export function changed(name, data) {
  const text = JSON.stringify(data);
  if (drawn.get(name) === text) return false;
  drawn.set(name, text);
  return true;
}

export function clock(moment) {
  return new Date(moment).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

const followed = new WeakMap(); // logs that have been filled, and whether their reader is at the end

function goToEnd({ currentTarget: log }) {
  if (followed.get(log)) log.scrollTop = log.scrollHeight;
}

/* Keeps a log at its end while its reader is there, also when pictures in it turn out to be tall. */
export function fill(log, children) {
  if (!followed.has(log)) {
    for (const event of ["load", "loadedmetadata"]) log.addEventListener(event, goToEnd, { capture: true });
  }
  followed.set(log, log.scrollHeight - log.scrollTop - log.clientHeight < 80);
  log.replaceChildren(...children);
  goToEnd({ currentTarget: log });
}

export function sendOnEnter(box, form) {
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}
