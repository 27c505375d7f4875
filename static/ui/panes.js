// Which conversation is open: the address, the back button, and on phones which of three panes is seen.
import * as composer from "./composer.js";
import { isSignIn, signIn } from "./fetching.js";
import * as list from "./list.js";
import { piece, say, word } from "./shell.js";
import * as thread from "./thread.js";

const inbox = document.getElementById("inbox");
const idIn = (address) => new URL(address, location.href).pathname.match(/^\/inbox\/([0-9a-f-]{36})\/$/)?.[1] ?? null;
let opened = () => {};                   // a conversation is on the page

export function start(tell) {
  opened = tell;
  history.replaceState({ list: !thread.open() }, "");
  arrived();
}

export const show = (pane) => { document.body.dataset.pane = pane; };

export function go(id) {
  const row = list.row(id);
  if (row) return row.click();
  history.pushState({}, "", `/inbox/${id}/`);
  fetchOpen(location.href);
}

// No conversation: what was open is gone or left.
export function close() {
  document.getElementById("thread").replaceWith(piece("no-thread"));
  document.getElementById("contact").hidden = true;
  show("list");
  arrived();
}

function arrived() {
  list.mark(thread.open());
  opened();
}

const fetchOpen = (address) => htmx.ajax("GET", address, { target: "#thread", swap: "outerHTML", source: "#inbox" });

const isOpening = (event) => event.detail.target?.id === "thread";

inbox.addEventListener("htmx:beforeRequest", (event) => {
  if (isOpening(event)) list.mark(idIn(event.detail.pathInfo.requestPath));
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
  if (byPointer && matchMedia("(pointer: fine)").matches) composer.focus();
});

for (const failed of ["htmx:responseError", "htmx:sendError"]) {
  inbox.addEventListener(failed, (event) => {
    if (!isOpening(event)) return;
    list.mark(thread.open());
    if (event.detail.xhr?.status === 404) list.remove(idIn(event.detail.pathInfo.requestPath));
    say("trouble-banner", word("not-loaded"));
  });
}

addEventListener("popstate", () => {
  const id = idIn(location.href);
  if (id && id === thread.open()) show("thread");
  else if (id) fetchOpen(location.href);
  else { composer.leave(); close(); }
});

inbox.addEventListener("click", (event) => {
  const button = event.target.closest("[data-show-pane]");
  if (!button || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (button.dataset.showPane !== "list") return show(button.dataset.showPane);
  if (history.state?.fromList) return history.back();
  composer.leave();
  history.pushState({}, "", button.href);
  close();
});
