// Numbers that stand in several places: unread messages and tokens.
import { number } from "./shell.js";

const icon = document.getElementById("favicon");
const title = document.title.replace(/^\s*\(\d+\)\s*/, "");
const unread = new Map();    // chatroom -> unread messages in it
for (const place of document.querySelectorAll(".rooms [data-unread]")) {
  unread.set(place.dataset.unread, Number(place.querySelector("[data-count]").textContent));
}

export function setUnread(counts) {
  for (const [room, n] of counts) unread.set(room, n);
  paint();
}

export function forgetRoom(room) {
  unread.delete(room);
  document.querySelectorAll(`[data-room-link="${room}"]`).forEach((link) => link.remove());
  paint();
}

function paint() {
  const total = [...unread.values()].reduce((sum, n) => sum + n, 0);
  for (const place of document.querySelectorAll("[data-unread]")) {
    const n = place.dataset.unread === "total" ? total : unread.get(place.dataset.unread) ?? 0;
    place.hidden = !n;
    place.querySelector("[data-count]").textContent = n;
  }
  document.title = total ? `(${total}) ${title}` : title;
  icon.href = total ? icon.dataset.iconUnread : icon.dataset.iconQuiet;
}

export function setBalance(tokens) {
  if (tokens === null || tokens === undefined) return;
  for (const place of document.querySelectorAll("[data-balance]")) place.textContent = number(tokens);
  for (const box of document.querySelectorAll(".balance")) {
    if (tokens < 10) box.dataset.level = "low";
    else delete box.dataset.level;
  }
}

paint();
