// Live pages: one stream for all tabs. Browsers allow six connections to a site over HTTP/1.1, so the tab
// that holds the lock listens and tells the others; where locks do not exist, each tab listens for itself.
// @ts-check

const NAME = "carillon-live";

function announce() {
  // A player that plays would be replaced under the listener.
  if (document.querySelector("audio-player.playing")) return;
  document.body.dispatchEvent(new CustomEvent("calls-changed"));
}

/** @param {() => void} tell */
function listen(tell) {
  const stream = new EventSource("/live");
  stream.addEventListener("calls", tell);
  const mark = () => document.querySelectorAll("[data-live-state]").forEach((dot) => {
    dot.toggleAttribute("data-lost", stream.readyState !== EventSource.OPEN);
  });
  stream.addEventListener("open", mark);
  stream.addEventListener("error", mark);
}

export function startLive() {
  if (!document.querySelector("[data-live]")) return;
  if (!navigator.locks || !window.BroadcastChannel) {
    listen(announce);
    return;
  }
  const channel = new BroadcastChannel(NAME);
  channel.addEventListener("message", announce);
  void navigator.locks.request(NAME, () => {
    listen(() => { announce(); channel.postMessage("calls"); });
    return new Promise(() => {});
  });
}
