// Asking the server for parts of the page.
export const csrf = () => JSON.parse(document.body.getAttribute("hx-headers"));

export function signIn() {
  location.assign(`/login/?next=${encodeURIComponent(location.pathname + location.search)}`);
}

// Signed out meanwhile: the server answers with its sign-in page, which is no part of this one.
export const isSignIn = (address) => new URL(address, location.href).pathname === "/login/";

// Collects ids and fetches them together, one request at a time: the slower the answer, the larger the next batch.
export function batched(address, apply) {
  const waiting = new Set();
  let busy = false;

  async function run() {
    const ids = [...waiting].slice(0, 100);
    ids.forEach((id) => waiting.delete(id));
    let pause = 0;
    try {
      const url = new URL(address, location.href);
      url.searchParams.set("ids", ids.join(","));
      const response = await fetch(url, { headers: { "HX-Request": "true" } });
      if (isSignIn(response.url)) return signIn();
      if (!response.ok) throw new Error(`${response.status}`);
      const part = document.createElement("template");
      part.innerHTML = await response.text();
      apply(part.content, ids);
    } catch {
      ids.forEach((id) => waiting.add(id));
      pause = 2000;
    }
    if (waiting.size) setTimeout(run, pause);
    else busy = false;
  }

  return (id) => {
    waiting.add(id);
    if (busy) return;
    busy = true;
    setTimeout(run, 15);
  };
}
