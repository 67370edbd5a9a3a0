// Passkeys: the browser's own dialog, between two questions to the server.
// @ts-check

/** Ask the server. @param {string} url @param {unknown} [body] */
async function ask(url, body) {
  const field = /** @type {HTMLInputElement | null} */ (document.querySelector("[name=csrfmiddlewaretoken]"));
  const headers = { "Content-Type": "application/json", "X-CSRFToken": field?.value ?? "" };
  const answer = await fetch(url, { method: "POST", headers, body: body ? JSON.stringify(body) : "" });
  return answer.json();
}

/** Make or show a passkey, as the button says. @param {HTMLElement} button */
async function use(button) {
  const { options, finish, passkey, failed } = button.dataset;
  const said = button.parentElement?.querySelector("[data-said]");
  try {
    const asked = await ask(options ?? "");
    const key = passkey === "new"
      // @ts-ignore: newer than the type definitions
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) })
      // @ts-ignore
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
    // @ts-ignore
    const answer = await ask(finish ?? "", key.toJSON());
    if (answer.next) location.assign(answer.next);
    else if (said) said.textContent = answer.error;
  } catch {
    if (said) said.textContent = failed ?? "";
  }
}

document.querySelectorAll("button[data-passkey]").forEach((button) => {
  if (!("PublicKeyCredential" in window)) return;
  button.removeAttribute("hidden");
  button.addEventListener("click", () => void use(/** @type {HTMLElement} */ (button)));
});
