// What every page does beyond plain HTML. Everything works without it except live refresh and Ctrl K.
// @ts-check
import "./player.js";
import { startLive } from "./live.js";
import { startPhoneButton } from "./phone-button.js";
import { startPalette } from "./palette.js";
import { startRinging } from "./ringing.js";
import { startSifting } from "./sift.js";
import { startSorting } from "./sort.js";

/** Copy the text a button names, and say so where screen readers hear it. @param {HTMLElement} button */
async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy ?? "");
  button.classList.add("copied");
  const said = document.getElementById("said");
  if (said) said.textContent = button.dataset.copied ?? "";
  setTimeout(() => button.classList.remove("copied"), 1500);
}

document.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const copied = /** @type {HTMLElement | null} */ (target.closest("[data-copy]"));
  if (copied) void copy(copied);
  const shown = /** @type {HTMLElement | null} */ (target.closest("[data-reveal]"));
  if (shown) {
    const field = /** @type {HTMLInputElement} */ (document.getElementById(shown.dataset.reveal ?? ""));
    const hide = field.type === "text";
    field.type = hide ? "password" : "text";
    shown.setAttribute("aria-pressed", String(!hide));
  }
  const closed = target.closest("[data-close-toast]");
  if (closed) closed.closest(".toast-x")?.remove();
});

// A form that takes a while says so on its button, and is not sent twice.
document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const button = form.querySelector("button[data-working]");
  if (!(button instanceof HTMLButtonElement)) return;
  if (button.ariaBusy === "true") event.preventDefault();
  button.ariaBusy = "true";
  button.textContent = button.dataset.working ?? "";
  const said = document.getElementById("said");
  if (said) said.textContent = button.textContent;
});

document.addEventListener("change", (event) => {
  const field = /** @type {HTMLInputElement} */ (event.target);
  if (field.matches("[data-submit]")) field.form?.requestSubmit();
  if (field.matches("[data-shows]")) {
    document.querySelectorAll(field.dataset.shows ?? "").forEach((part) => {
      part.toggleAttribute("hidden", part.getAttribute("data-when") !== field.value);
    });
  }
});

// A form that came back with errors takes the reader to the first of them.
function focusError() {
  const field = /** @type {HTMLElement | null} */ (document.querySelector("[aria-invalid=true]"));
  field?.focus();
}
document.addEventListener("htmx:afterSettle", focusError);
focusError();

// Undo is offered for ten seconds; a toast under the pointer or with the focus waits.
function fadeToasts() {
  document.querySelectorAll(".toast-x:not([data-timed])").forEach((toast) => {
    toast.setAttribute("data-timed", "");
    setTimeout(function leave() {
      if (toast.matches(":hover, :focus-within")) setTimeout(leave, 3000);
      else toast.remove();
    }, 10000);
  });
}
document.addEventListener("htmx:afterSettle", fadeToasts);
fadeToasts();

startPalette();
startPhoneButton();
startSorting();
startSifting();
startRinging();
startLive();
