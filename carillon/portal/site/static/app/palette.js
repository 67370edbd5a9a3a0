// Ctrl K: a dialog whose results the server writes; arrows choose, Enter opens.
// @ts-check

/** @param {HTMLDialogElement} palette @param {number} step */
function choose(palette, step) {
  const rows = [...palette.querySelectorAll("a")];
  const now = rows.findIndex((row) => row.classList.contains("on"));
  const next = rows[(now + step + rows.length) % rows.length];
  rows.forEach((row) => row.classList.toggle("on", row === next));
  next?.scrollIntoView({ block: "nearest" });
}

export function startPalette() {
  const palette = /** @type {HTMLDialogElement | null} */ (document.getElementById("palette"));
  if (!palette) return;
  const field = /** @type {HTMLInputElement} */ (palette.querySelector("input"));
  const open = () => { palette.showModal(); field.select(); };
  document.querySelectorAll("[data-palette]").forEach((button) => button.addEventListener("click", open));
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (!palette.open) open();
    }
  });
  palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(palette, event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Escape") {
      // A field of this kind would only be emptied, and the dialog stay.
      event.preventDefault();
      palette.close();
    } else if (event.key === "Enter") {
      event.preventDefault();
      const chosen = /** @type {HTMLAnchorElement | null} */ (palette.querySelector("a.on") ?? palette.querySelector("a"));
      if (chosen) window.location.href = chosen.href;
    }
  });
}
