// Which conversation is open: the address says it, and on phones also which pane is seen.
import { tick, whenBack } from "../live.js";
import { isSignIn, signIn } from "../request.js";
import { rests } from "../rests.js";
import { say, trouble } from "../toasts.js";
import { piece, word } from "../words.js";
import * as composer from "./composer.js";
import { load, mark, query, removeRow, rowOf, whenFiltered } from "./list.js";
import { keep, openOffline, takeOld } from "./opened.js";
import * as outbox from "./outbox.js";
import * as presence from "./presence.js";
import * as thread from "./thread.js";

const inbox = document.getElementById("inbox");
const { listUrl } = inbox.dataset;
const still = matchMedia("(prefers-reduced-motion: reduce)");
export const phone = matchMedia("(max-width: 640px)");

const idIn = (address) => new URL(address, location.href).pathname.match(/^\/inbox\/([0-9a-f-]{36})\/$/)?.[1] ?? null;
export const show = (pane) => { document.body.dataset.pane = pane; };
const fetchOpen = (address) => htmx.ajax("GET", address, { target: "#thread", swap: "outerHTML", source: "#inbox" });
const isOpening = (event) => event.detail.target?.id === "thread";
let waiting = null;

export function go(id) {
  const row = rowOf(id);
  if (row) return row.click();
  history.pushState({}, "", `/inbox/${id}/${query()}`);
  fetchOpen(location.href);
}

// No conversation: what was open is gone or left.
export function close() {
  document.getElementById("thread").replaceWith(piece("no-thread"));
  document.getElementById("contact").hidden = true;
  show("list");
  arrive();
}

export function leaveFor(address) {
  composer.leave();
  history.pushState({}, "", address);
  close();
}

export function arrive() {
  mark(thread.open());
  thread.opened();
  composer.opened();
  outbox.showUnsent();
  tick();
  presence.arrive();
}

// ---------------------------------------------------------------- by htmx, which fetches what a row links to
inbox.addEventListener("htmx:beforeRequest", (event) => {
  if (!isOpening(event)) return;
  mark(idIn(event.detail.pathInfo.requestPath));
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    document.getElementById("thread").append(piece("thread-skeleton"));
    document.getElementById("contact").setAttribute("aria-busy", "true");      // it still shows the one before
  }, 150);
});

inbox.addEventListener("htmx:afterRequest", (event) => {
  if (!isOpening(event)) return;
  clearTimeout(waiting);
  document.querySelector("#thread > .thread-skeleton")?.remove();
  document.getElementById("contact").removeAttribute("aria-busy");
  if (event.detail.successful) keep(idIn(event.detail.pathInfo.requestPath), event.detail.xhr.responseText);
});

inbox.addEventListener("htmx:beforeSwap", (event) => {
  if (isSignIn(event.detail.xhr.responseURL)) { event.detail.shouldSwap = false; return signIn(); }
  if (isOpening(event) && event.detail.shouldSwap) composer.leave();
});

inbox.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "thread") return;        // told once for every part that was swapped
  const { requestConfig, pathInfo } = event.detail;
  if (requestConfig.elt?.matches(".conv") && idIn(location.href) !== thread.open()) {
    history.pushState({ fromList: !idIn(location.href) }, "", pathInfo.requestPath);
  }
  show("thread");
  arrive();
  const byPointer = requestConfig.triggeringEvent?.detail > 0;
  if (byPointer && matchMedia("(pointer: fine)").matches) composer.write();
});

for (const failed of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  inbox.addEventListener(failed, (event) => {
    event.stopPropagation();
    if (!isOpening(event)) return;
    const id = idIn(event.detail.pathInfo.requestPath);
    mark(thread.open());
    if (!event.detail.xhr?.status) return openOffline(id, event.detail);
    if (event.detail.xhr.status === 404) removeRow(id);
    say("trouble-banner", word("not-loaded"));
  });
}

whenBack(() => { if (takeOld() === thread.open() && thread.open()) fetchOpen(location.href); });

// ---------------------------------------------------------------- by the browser's way back, and by clicks
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

whenFiltered(() => { if (phone.matches && thread.open()) leaveFor(listUrl); });

rests.contact = () => document.querySelector(".show-contact");
rests.inbox = () => (thread.open() && document.body.dataset.pane !== "list" ? rests.thread() : rests.list());

export function toggleAside() {
  const closed = inbox.dataset.aside === "closed" || (innerWidth <= 1180 && inbox.dataset.aside !== "open");
  inbox.dataset.aside = closed ? "open" : "closed";
}
