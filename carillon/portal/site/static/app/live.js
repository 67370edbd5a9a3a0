// Live pages: one stream for all tabs. Browsers allow six connections to a site over HTTP/1.1, so the tab
// that holds the lock listens and tells the others; where locks do not exist, each tab listens for itself.
// The stream begins with the version as it is, which a page compares with the one it was made from.
// @ts-check

const NAME = "carillon-live";
const ASK = "?";
let known = "";

/** @param {string} version */
function announce(version) {
  document.body.dispatchEvent(new CustomEvent("calls-told"));
  // A player that plays would be replaced under the listener.
  if (version === known || document.querySelector("audio-player.playing")) return;
  known = version;
  document.body.dispatchEvent(new CustomEvent("calls-changed"));
}

/** @param {(version: string) => void} tell */
function listen(tell) {
  const stream = new EventSource("/live");
  stream.addEventListener("calls", (event) => tell(event.data));
  const mark = () => document.querySelectorAll("[data-live-state]").forEach((dot) => {
    dot.toggleAttribute("data-lost", stream.readyState !== EventSource.OPEN);
  });
  stream.addEventListener("open", mark);
  stream.addEventListener("error", mark);
}

export function startLive() {
  if (!document.querySelector("[data-live], body[data-ringtone]")) return;
  known = document.body.dataset.liveVersion ?? "";
  if (!navigator.locks || !window.BroadcastChannel) {
    listen(announce);
    return;
  }
  const channel = new BroadcastChannel(NAME);
  let latest = "";
  channel.addEventListener("message", (event) => {
    if (event.data !== ASK) announce(event.data);
    else if (latest) channel.postMessage(latest);
  });
  channel.postMessage(ASK);
  void navigator.locks.request(NAME, () => {
    listen((version) => {
      latest = version;
      announce(version);
      channel.postMessage(version);
    });
    return new Promise(() => {});
  });
}
