// How somebody hears and sees that they are called: the ringtone, a soft tone while they talk, the window's title
// and a notice where another program is in front.
// @ts-check
import { ring, stop } from "../ringtones.js";
import { knock } from "./ringback.js";

/** @type {(() => void) | null} */
let knocking = null;
/** @type {Notification | null} */
let notice = null;

function allowed() {
  return "Notification" in window ? Notification.permission : "";
}

/**
 * Offer notices by a button: never asked unasked, since browsers no longer ask after a refusal.
 * @param {HTMLElement} button @param {HTMLElement} refused what is shown where the browser refuses them
 */
export function offerNotices(button, refused) {
  const show = () => {
    button.hidden = allowed() !== "default";
    refused.hidden = allowed() !== "denied";
  };
  button.addEventListener("click", async () => {
    await Notification.requestPermission();
    show();
  });
  show();
}

/** @param {string} text @param {{ringtone: string, icon: string}} facts @param {boolean} talking */
export function attract(text, facts, talking) {
  document.title = text;
  if (talking) knocking ??= knock();
  else ring(facts.ringtone);
  window.focus();
  const seen = document.hasFocus() && document.visibilityState === "visible";
  if (!seen && allowed() === "granted") notify(text, facts.icon);
}

/** @param {string} text @param {string} icon */
function notify(text, icon) {
  try {
    notice = new Notification(text, { icon, tag: "carillon-phone", requireInteraction: true });
    notice.addEventListener("click", () => window.focus());
  } catch {
    // Browsers of mobile phones have the word and the permission, but only workers may show one.
  }
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
