// While one's phones ring, an open page says who calls and rings too, with the ringtone that was chosen.
// @ts-check
import { ring, stop } from "./ringtones.js";

const ASK_AGAIN_MS = 1500;
let shown = "";
let asking = false;

/** @param {string} url @param {string} tune */
async function look(url, tune) {
  if (asking) return;
  asking = true;
  try {
    const answer = await fetch(url, { headers: { "X-Requested-With": "fetch" } });
    show(answer.status === 200 ? await answer.text() : "", tune);
  } catch {
    show("", tune);
  } finally {
    asking = false;
  }
  if (shown) window.setTimeout(() => void look(url, tune), ASK_AGAIN_MS);
}

/** @param {string} html @param {string} tune */
function show(html, tune) {
  if (html === shown) return;
  const place = document.getElementById("ringing");
  if (place) place.innerHTML = html;
  const began = html !== "" && shown === "";
  shown = html;
  if (html === "") stop();
  else if (began) void sound(tune);
}

/** Of several pages of one browser, one sounds; the phone of this browser rings by itself. @param {string} tune */
async function sound(tune) {
  if (!navigator.locks) {
    ring(tune);
    return;
  }
  const { held } = await navigator.locks.query();
  if (held?.some((lock) => lock.name === "carillon-phone-on")) return;
  void navigator.locks.request("carillon-ringing", { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    ring(tune);
    while (shown) await new Promise((done) => setTimeout(done, 300));
    stop();
  });
}

export function startRinging() {
  const { ringtone, ringing } = document.body.dataset;
  if (!ringtone || !ringing) return;
  document.body.addEventListener("calls-told", () => void look(ringing, ringtone));
  document.addEventListener("click", (event) => {
    if (!(/** @type {HTMLElement} */ (event.target).closest("[data-hush]"))) return;
    stop();
    // It stays away for this call: only another one is shown again.
    const place = document.getElementById("ringing");
    if (place) place.innerHTML = "";
  });
  void look(ringing, ringtone);
}
