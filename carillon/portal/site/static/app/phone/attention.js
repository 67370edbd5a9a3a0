// How somebody hears and sees that they are called: the ringtone, a soft tone while they talk, the window's title
// and a notice where another program is in front.
// @ts-check
import { ring, stop } from "../ringtones.js";
import { knock } from "./ringback.js";

/** @type {(() => void) | null} */
let knocking = null;
/** @type {Notification | null} */
let notice = null;

/** Ask once, when the phone is turned on, whether notices may be shown. */
export function askForNotices() {
  if ("Notification" in window && Notification.permission === "default") void Notification.requestPermission();
}

/** @param {string} text @param {{ringtone: string, icon: string}} facts @param {boolean} talking */
export function attract(text, facts, talking) {
  document.title = text;
  if (talking) knocking ??= knock();
  else ring(facts.ringtone);
  window.focus();
  if (document.hasFocus() || !("Notification" in window) || Notification.permission !== "granted") return;
  notice = new Notification(text, { icon: facts.icon, tag: "carillon-phone", requireInteraction: true });
  notice.addEventListener("click", () => window.focus());
}

/** Whoever talks hears no ringtone any more. */
export function hush() {
  stop();
}

/** Nobody calls any more. @param {string} title */
export function calm(title) {
  stop();
  document.title = title;
  knocking?.();
  knocking = null;
  notice?.close();
  notice = null;
}
