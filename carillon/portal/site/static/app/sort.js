// Lists whose lines are dragged into order: what is dropped sends the line's own "move" form.
// @ts-check

/** @type {HTMLElement | null} */
let dragged = null;

/** @param {Event} event @returns {HTMLElement | null} */
function line(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  return target.closest?.("[data-sort] > [data-place]") ?? null;
}

export function startSorting() {
  document.addEventListener("dragstart", (event) => {
    dragged = line(event);
    dragged?.classList.add("dragged");
  });
  document.addEventListener("dragover", (event) => {
    const over = line(event);
    if (dragged && over && over.parentElement === dragged.parentElement) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const over = line(event);
    if (!dragged || !over || over === dragged || over.parentElement !== dragged.parentElement) return;
    event.preventDefault();
    const form = /** @type {HTMLFormElement | null} */ (dragged.querySelector("form.mv"));
    if (!form) return;
    const to = document.createElement("input");
    to.type = "hidden";
    to.name = "to";
    to.value = over.dataset.place ?? "";
    form.append(to);
    form.requestSubmit();
  });
  document.addEventListener("dragend", () => {
    dragged?.classList.remove("dragged");
    dragged = null;
  });
}
