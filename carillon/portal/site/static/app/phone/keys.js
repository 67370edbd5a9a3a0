// The keyboard: Enter answers, Escape declines, M turns the microphone off and on.
// @ts-check

/** @typedef {import("./call.js").Call} Call */

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
}

/**
 * @param {() => Call[]} calls
 * @param {{answer: (call: Call) => void, mute: (call: Call) => void}} acts
 */
export function listenToKeys(calls, acts) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    const { target, key } = event;
    const ringing = calls().find((call) => call.state === "ringing" || call.state === "calling");
    const free = !isTyping(target) || /** @type {HTMLInputElement} */ (target).value === "";
    if (key === "Escape" && ringing) ringing.hangUp();
    else if (key === "Enter" && ringing?.state === "ringing" && free && !(target instanceof HTMLButtonElement)) {
      event.preventDefault();
      acts.answer(ringing);
    } else if (key.toLowerCase() === "m" && !isTyping(target)) {
      const call = calls().find((each) => each.state === "talking");
      if (call) acts.mute(call);
    }
  });
}
