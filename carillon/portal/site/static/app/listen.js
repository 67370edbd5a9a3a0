// The page where a ringtone is chosen: each can be heard.
// @ts-check
import { ring, stop } from "./ringtones.js";

document.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest("[data-listen]");
  if (button instanceof HTMLElement) ring(button.dataset.listen ?? "", true);
});
document.addEventListener("change", (event) => {
  if (/** @type {HTMLElement} */ (event.target).matches("[name=ringtone]")) stop();
});
