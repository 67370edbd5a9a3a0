// The button that opens the phone: a window of its own, the same again each time; and what state it is in.
// @ts-check

const SIZE = "popup,width=400,height=700";

/** @param {HTMLAnchorElement} link */
function open(link) {
  // Without an address a window that is open already is not loaded again: its calls go on.
  const phone = window.open("", "carillon-phone", SIZE);
  if (!phone) return false;
  try {
    if (phone.location.pathname !== new URL(link.href).pathname) phone.location.href = link.href;
  } catch {
    phone.location.href = link.href;
  }
  phone.focus();
  return true;
}

export function startPhoneButton() {
  document.addEventListener("click", (event) => {
    const link = /** @type {HTMLElement} */ (event.target).closest("a[data-phone]");
    if (!(link instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    // Where windows are not allowed, the link is followed.
    if (open(link)) event.preventDefault();
  });
  if (!window.BroadcastChannel) return;
  const channel = new BroadcastChannel("carillon-phone");
  channel.addEventListener("message", (event) => {
    if (!event.data?.state) return;
    document.querySelectorAll("[data-phone-state]").forEach((place) => {
      place.textContent = event.data.state === "off" ? "" : event.data.word;
      place.className = `cnt ${event.data.state}`;
      place.toggleAttribute("hidden", event.data.state === "off");
    });
  });
  document.addEventListener("submit", (event) => {
    if (/** @type {HTMLElement} */ (event.target).matches("[data-signs-out]")) channel.postMessage("signed-out");
  });
  if (document.querySelector("[data-phone-state]")) channel.postMessage("?");
}
