// Collects ids and works on them together, one batch at a time: the slower the work, the larger the next batch.
//
// work(ids) resolves to false if it was not done after all: then it is tried again at once. If it throws, a while later.
export function collect(work, { most = 100, soon = 15, later = 2000 } = {}) {
  const waiting = new Set();
  let busy = false;

  async function run() {
    const ids = [...waiting].slice(0, most);
    ids.forEach((id) => waiting.delete(id));
    let pause = soon;
    try {
      if (await work(ids) === false) ids.forEach((id) => waiting.add(id));
    } catch {
      ids.forEach((id) => waiting.add(id));
      pause = later;
    }
    if (waiting.size) setTimeout(run, pause);
    else busy = false;
  }

  return (id) => {
    waiting.add(id);
    if (busy) return;
    busy = true;
    setTimeout(run, soon);
  };
}
