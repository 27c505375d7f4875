// What the page says to its reader: toasts below, banners in the places that a page has for them.
import { piece, word } from "./words.js";

const TOAST_FOR = 6000;
const status = document.getElementById("status");

export function announce(text) {
  if (status) status.textContent = text;
}

// Said below, for six seconds or until it is looked away from. `action` is {words, run}: Undo, mostly.
export function toast(text, action = null) {
  const one = piece("toast", text), button = one.querySelector("button");
  if (action) {
    button.textContent = action.words;
    button.addEventListener("click", () => { one.remove(); action.run(); });
  } else button.remove();
  document.getElementById("toasts").replaceChildren(one);
  announce(text);
  removeLater(one);
}

function removeLater(one) {
  const leave = () => { if (one.matches(":hover, :focus-within")) setTimeout(leave, 1000); else one.remove(); };
  setTimeout(leave, TOAST_FOR);
}
document.querySelectorAll("#toasts > .toast").forEach(removeLater);      // from the page before

export const noticePlaces = () => [...document.querySelectorAll("[data-notices]")];

export function putBanner(place, banner, kind) {
  banner.dataset.kind = kind;
  place.replaceChildren(banner);
}

// A banner of this kind for a while; a toast on a page that has no place for banners.
export function say(kind, text, wait = 8000) {
  const places = noticePlaces();
  if (!places.length) return toast(text);
  const banners = places.map((place) => {
    const banner = piece(kind, text);
    putBanner(place, banner, kind);
    return banner;
  });
  announce(banners[0].querySelector(".grow").textContent);
  setTimeout(() => banners.forEach((banner) => banner.remove()), wait);
}

// What did not work, in words: the server's, or ours where it gave none. Who is signed out is led to the sign-in page.
export function trouble({ status: code, message }) {
  if (code !== 401) say("trouble-banner", (code && message) || word(code ? "failed" : "no-network"));
}
