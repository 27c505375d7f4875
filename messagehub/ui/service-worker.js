// The service worker: a page that says that there is no network, and notifications while no page is open.
// The lines before this one are written by the server: SHELL, the addresses that are kept, and OFFLINE, one of them.
const NAME = `shell-${SHELL.join()}`;

addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(SHELL)).then(() => skipWaiting()));
});
addEventListener("activate", (event) => {
  const clean = async () => {
    for (const name of await caches.keys()) if (name !== NAME) await caches.delete(name);
    await registration.navigationPreload?.enable();
    await clients.claim();
  };
  event.waitUntil(clean());
});

// Nothing of anybody's conversations is kept: pages always come from the server.
addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate") event.respondWith(page(event));
  else if (SHELL.includes(new URL(event.request.url).pathname)) event.respondWith(kept(event.request));
});

async function page(event) {
  try {
    return await event.preloadResponse ?? await fetch(event.request);
  } catch { return caches.match(OFFLINE); }
}

async function kept(request) {
  return await caches.match(request) ?? fetch(request);
}

addEventListener("push", (event) => {
  const { words, url, tag } = event.data.json();
  event.waitUntil(ring(words, url, tag));
});

async function ring(words, url, tag) {
  const pages = await clients.matchAll({ type: "window" });
  if (pages.some((each) => each.focused)) return;
  await registration.showNotification("MessageHub", { body: words, tag, data: url, icon: ICON, badge: ICON });
}

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});

async function open(url) {
  const [first] = await clients.matchAll({ type: "window" });
  if (!first) return clients.openWindow(url);
  await first.focus();
  return first.navigate(url);
}
