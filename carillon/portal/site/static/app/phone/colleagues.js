// Colleagues by a few letters, below a field that also takes numbers.
// @ts-check

const NUMBER = /^[+*#\d][\d .\-()/*#]*$/;
const WAIT_MS = 150;

/** @typedef {{name: string, extension: string}} Colleague */

/** Say whether a text is dialled as it is. @param {string} text */
export function isNumber(text) {
  return NUMBER.test(text);
}

/**
 * Show who is meant while somebody types; `pick` gets whoever is chosen.
 * @param {HTMLInputElement} field @param {HTMLElement} place @param {string} url @param {(found: Colleague) => void} pick
 */
export function suggest(field, place, url, pick) {
  let timer = 0;
  let newest = 0;
  /** @type {Colleague[]} */
  let shown = [];
  const show = (/** @type {Colleague[]} */ found) => {
    shown = found;
    place.replaceChildren(...found.map((each) => line(each, pick)));
  };
  const look = async () => {
    const text = field.value.trim();
    newest += 1;
    const mine = newest;
    if (!text) return show([]);
    const answer = await fetch(`${url}?q=${encodeURIComponent(text)}`);
    const found = answer.ok && !answer.redirected ? (await answer.json()).found : [];
    if (mine === newest) show(found);
  };
  field.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void look(), WAIT_MS);
  });
  return {
    clear: () => show([]),
    /** Return what the field means once Enter was pressed. */
    meant: async () => {
      const text = field.value.trim();
      if (!text || isNumber(text)) return { name: "", number: text };
      window.clearTimeout(timer);
      await look();
      return shown.length ? { name: shown[0].name, number: shown[0].extension } : { name: "", number: "" };
    },
  };
}

/** @param {Colleague} found @param {(found: Colleague) => void} pick */
function line(found, pick) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "found";
  const name = document.createElement("span");
  name.textContent = found.name;
  const extension = document.createElement("span");
  extension.className = "num faint";
  extension.textContent = found.extension;
  button.append(name, extension);
  button.addEventListener("click", () => pick(found));
  item.append(button);
  return item;
}
