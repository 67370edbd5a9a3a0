// Long lists of boxes: a search hides the lines that do not match. What is ticked stays ticked, hidden or not.
// @ts-check

/** Without case and accents: who types "helene" finds Hélène. @param {string} text */
function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** @param {HTMLElement} sift */
function show(sift) {
  const list = document.getElementById(sift.dataset.sift ?? "");
  const [typed, only] = sift.querySelectorAll("input");
  const words = plain(typed.value).split(/\s+/).filter(Boolean);
  let shown = 0;
  let ticked = 0;
  list?.querySelectorAll("li").forEach((line) => {
    const box = line.querySelector("input");
    line.dataset.plain ??= plain(line.textContent ?? "");
    const found = words.every((word) => line.dataset.plain?.includes(word));
    line.hidden = !found || (only.checked && !box?.checked);
    if (!line.hidden) shown += 1;
    if (box?.checked) ticked += 1;
  });
  const said = /** @type {HTMLElement | null} */ (sift.querySelector("[data-said]"));
  if (!said) return;
  const language = document.documentElement.lang;
  said.textContent = (said.dataset.said ?? "")
    .replace("{shown}", shown.toLocaleString(language))
    .replace("{ticked}", ticked.toLocaleString(language));
}

function begin() {
  document.querySelectorAll("[data-sift][hidden]").forEach((sift) => {
    sift.removeAttribute("hidden");
    show(/** @type {HTMLElement} */ (sift));
  });
}

/** The search a box belongs to, and the search that was typed in. @param {Event} event */
function around(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const list = target.closest("ul.checks");
  const sift = list ? document.querySelector(`[data-sift="${list.id}"]`) : target.closest("[data-sift]");
  return /** @type {HTMLElement | null} */ (sift);
}

export function startSifting() {
  document.addEventListener("input", (event) => {
    const sift = around(event);
    if (sift) show(sift);
  });
  document.addEventListener("keydown", (event) => {
    const typed = /** @type {HTMLInputElement} */ (event.target);
    if (!typed.matches?.("[data-sift] input[type=search]")) return;
    // Return belongs to the search: it must not send the form around it.
    if (event.key === "Enter") event.preventDefault();
    if (event.key === "Escape" && typed.value) {
      event.preventDefault();
      typed.value = "";
      show(/** @type {HTMLElement} */ (typed.closest("[data-sift]")));
    }
  });
  document.addEventListener("htmx:afterSettle", begin);
  begin();
}
