// What every page has: menus, dialogs, toasts, live counts, the place of the focus, the theme and the viewer's zone.
import "./counts.js";
import "./dialogs.js";
import "./drafts.js";
import "./keyboard.js";
import { start } from "./live.js";
import "./rests.js";
import { toast } from "./toasts.js";
import { word } from "./words.js";

// What is told of the focus by other modules is kept in its place by focus.js, which comes with the first focus.
let kept = null;
const keepFocus = () => { kept ??= import("./focus.js").then(({ keep }) => keep(), () => {}); };
addEventListener("focusin", keepFocus, { once: true });
try { if (sessionStorage.getItem("spot")) keepFocus(); } catch { /* nothing was kept */ }

// A part of the page that did not come: said in words, unless the page has better ones (the event is then stopped).
for (const failed of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  addEventListener(failed, ({ detail: { xhr } }) => toast(refusal(xhr) || word(xhr?.status ? "failed" : "no-network")));
}

// Plain text is the server's own sentence for people.
function refusal(xhr) {
  return xhr?.getResponseHeader("Content-Type")?.startsWith("text/plain") && xhr.status < 500 ? xhr.responseText : "";
}

// ---------------------------------------------------------------- alerts of this browser, where they are turned on
try { if (localStorage.getItem("alerts")) import("./alerts.js").then(({ begin }) => begin(), () => {}); } catch { /* nothing is kept */ }
// An app on a phone's screen has a page for the time without a network; a browser has one of its own.
if (matchMedia("(display-mode: standalone)").matches) navigator.serviceWorker?.register("/service-worker.js");

// ---------------------------------------------------------------- secrets that are shown once
addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const lines = [...document.getElementById(button.dataset.copy).querySelectorAll("li")];
  const text = lines.length ? lines.map((line) => line.textContent).join("\n") : document.getElementById(button.dataset.copy).textContent;
  try {
    await navigator.clipboard.writeText(text);
    toast(word("copied"));
  } catch { toast(word("not-copied")); }
});

// ---------------------------------------------------------------- theme and zone
// The form works without this; with it the page keeps its place.
addEventListener("submit", (event) => {
  const form = event.target, wanted = event.submitter?.value;
  if (!form.matches("[data-theme-form]")) return;
  event.preventDefault();
  const body = new FormData(form);
  body.set("theme", wanted);
  fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
  if (wanted === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  document.querySelector("meta[name=color-scheme]").content = wanted === "system" ? "light dark" : wanted;
  for (const button of document.querySelectorAll("[data-theme-form] button")) {
    button.setAttribute("aria-pressed", String(button.value === wanted));
  }
});

// The server writes times as the viewer's clock does.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) document.cookie = `timezone=${zone}; path=/; max-age=31536000; samesite=lax`;

// ---------------------------------------------------------------- live
if (document.readyState === "complete") start();
else addEventListener("DOMContentLoaded", start, { once: true });
