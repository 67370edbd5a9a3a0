// What the page shows of one call: who, how long, and what can be done now.
// @ts-check
import { suggest } from "./colleagues.js";
import { keyTone } from "./ringback.js";

/** @typedef {import("./call.js").Call} Call */

/** Write a number as people read it. @param {string} number */
export function spoken(number) {
  const french = /^\+33(\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(number);
  if (french) return `+33 ${french.slice(1).join(" ")}`;
  return /^0[1-9]\d{8}$/.test(number) ? (number.match(/\d\d/g) ?? []).join(" ") : number;
}

/** @param {Call} call @param {Record<string, string>} words */
export function nameOf(call, words) {
  return spoken(call.who.name) || spoken(call.who.number) || words["unknown-caller"];
}

/** @param {number} since */
function clock(since) {
  const seconds = Math.floor((Date.now() - since) / 1000);
  const hours = Math.floor(seconds / 3600);
  const rest = `${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${rest}` : rest;
}

export class Card {
  /**
   * @param {Call} call @param {Record<string, string>} words @param {string} colleagues @param {string} own
   * @param {(what: string, call: Call, to?: string) => void} act
   */
  constructor(call, words, colleagues, own, act) {
    this.call = call;
    this.words = words;
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("call-card"));
    this.element = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
    this.find("[data-name]").textContent = nameOf(call, words);
    // What one calls by a click in the portal rings here first, as from oneself.
    const told = call.who.name && call.who.number !== own;
    this.find("[data-number]").textContent = told ? spoken(call.who.number) : "";
    this.element.setAttribute("aria-label", nameOf(call, words));
    this.element.addEventListener("click", (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      const button = /** @type {HTMLElement | null} */ (target.closest("[data-do]"));
      if (button?.dataset.key) this.press(button.dataset.key);
      else if (button?.dataset.opens) this.open(button);
      else if (button) act(button.dataset.do ?? "", call);
    });
    this.element.append(call.sound);
    this.transfers(colleagues, (to) => act("transfer", call, to));
  }

  /** @param {string} selector @returns {HTMLElement} */
  find(selector) {
    return /** @type {HTMLElement} */ (this.element.querySelector(selector));
  }

  /** @param {string} key */
  press(key) {
    this.call.press(key);
    keyTone(key);
    this.find("[data-pressed]").textContent += key;
  }

  /** Open or close the keypad or the transfer; only one is open. @param {HTMLElement} button */
  open(button) {
    const wanted = button.getAttribute("aria-expanded") !== "true" ? button.dataset.opens : "";
    for (const each of this.element.querySelectorAll("[data-opens]")) {
      const name = /** @type {HTMLElement} */ (each).dataset.opens;
      each.setAttribute("aria-expanded", String(name === wanted));
      this.find(`[data-part=${name}]`).hidden = name !== wanted;
    }
    if (wanted) this.find(`[data-part=${wanted}]`).querySelector("input, button")?.focus?.();
  }

  /** @param {string} url @param {(to: string) => void} go */
  transfers(url, go) {
    const form = /** @type {HTMLFormElement} */ (this.find("[data-part=transfer]"));
    const field = /** @type {HTMLInputElement} */ (form.querySelector("input"));
    const place = /** @type {HTMLElement} */ (form.querySelector("[data-found]"));
    const found = suggest(field, place, url, (each) => {
      field.value = each.extension;
      found.clear();
      field.focus();
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const { number } = await found.meant();
      if (number) go(number);
      else field.focus();
    });
  }

  /** Show what is so now. @param {boolean} others whether another call could be joined to this one */
  show(others) {
    const { call, words } = this;
    const { state } = call;
    const talking = state === "talking" || state === "held";
    const pill = this.find("[data-state]");
    pill.textContent = words[state];
    pill.className = `pill ${{ ringing: "ring", calling: "call", talking: "ok", held: "acw" }[state] ?? ""}`;
    this.find("[data-part=ringing]").hidden = state !== "ringing";
    this.find("[data-part=calling]").hidden = state !== "calling";
    this.find("[data-part=talking]").hidden = !talking;
    this.find("[data-do=join]").hidden = !(others && state === "talking");
    const answer = others ? words["answer-hold"] : words.answer;
    this.find("[data-do=answer] span").textContent = answer;
    if (talking) this.mark();
    this.tick();
  }

  mark() {
    const { call, words } = this;
    const pressed = (/** @type {string} */ what, /** @type {boolean} */ on, /** @type {string} */ word) => {
      const button = this.find(`[data-do=${what}]`);
      button.setAttribute("aria-pressed", String(on));
      const name = button.querySelector("span");
      if (name) name.textContent = word;
    };
    pressed("mute", call.isMuted, words.mute);
    pressed("hold", call.state === "held", words.hold);
  }

  tick() {
    const { call } = this;
    this.find("[data-time]").textContent = call.answeredAt ? clock(call.answeredAt) : "";
  }
}
