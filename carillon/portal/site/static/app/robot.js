// Gives the box "I am not a robot" its worker, from a file of ours: the page allows no other.
// @ts-check
const box = document.querySelector("altcha-widget[data-worker]");
const worker = box?.getAttribute("data-worker") ?? "";
// @ts-ignore: the box's own global
globalThis.$altcha?.algorithms.set("PBKDF2/SHA-256", () => new Worker(worker));
