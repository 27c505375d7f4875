// Asking the server for parts of the page.
import { collect } from "./queue.js";

export const cookie = (name) => document.cookie.split("; ").find((each) => each.startsWith(`${name}=`))?.split("=")[1];

export const csrf = () => JSON.parse(document.body.getAttribute("hx-headers"));

export function signIn() {
  location.assign(`/login/?next=${encodeURIComponent(location.pathname + location.search)}`);
}

// Signed out meanwhile: the server answers with its sign-in page, which is no part of this one.
export const isSignIn = (address) => new URL(address, location.href).pathname === "/login/";

// Throws an error whose `status` is 0 without an answer, and whose message is the server's, if it is for people.
export async function ask(url, { headers, ...options } = {}) {
  let response;
  try {
    response = await fetch(url, { ...options, headers: { ...headers, "HX-Request": "true" } });
  } catch (error) {
    throw error.name === "AbortError" ? error : Object.assign(new Error(), { status: 0 });
  }
  if (isSignIn(response.url)) { signIn(); throw Object.assign(new Error(), { status: 401 }); }
  if (!response.ok) {
    const plain = response.headers.get("Content-Type")?.startsWith("text/plain");
    throw Object.assign(new Error(plain ? await response.text() : ""), { status: response.status });
  }
  return response;
}

// A part of the page as the server draws it, and what the server tells beside it.
export async function part(url, options = {}) {
  const response = await ask(url, options);
  return { content: parsed(await response.text()), told: JSON.parse(response.headers.get("HX-Trigger") ?? "{}") };
}

export const post = (url, fields) => part(url, { method: "POST", body: new URLSearchParams(fields), headers: csrf(), keepalive: true });

function parsed(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content;
}

// Fetches the parts of several ids together. What was asked for another address than is meant by now is asked again.
export function batched(address, apply) {
  return collect(async (ids) => {
    const asked = address(), url = new URL(asked, location.href);
    url.searchParams.set("ids", ids.join(","));
    const { content } = await part(url);
    if (address() !== asked) return false;
    apply(content, ids);
  });
}
