// The phone's page: turning it on, its calls, its keys. A window of its own, so that calls outlive other pages.
// @ts-check
import { attract, calm, hush, offerNotices } from "./attention.js";
import { Call } from "./call.js";
import { Card, nameOf, spoken } from "./card.js";
import { suggest } from "./colleagues.js";
import { listenToKeys } from "./keys.js";
import { Line } from "./line.js";
import * as microphone from "./microphone.js";

const facts = JSON.parse(document.getElementById("facts")?.textContent ?? "{}");
/** @type {Record<string, string>} */
const words = facts.words;
const ON = "carillon-phone-on";
// Of this person alone: others may use the same browser.
const LAST = `carillon-phone-last-${facts.person}`;
const CHECK_MS = 60000;
const SIGN_OUT_MS = 1500;
const channel = new BroadcastChannel("carillon-phone");
const field = /** @type {HTMLInputElement} */ (by("dial-to"));

/** @type {Line | null} */
let line = null;
let state = "off";
/** @type {Map<Call, Card>} */
const calls = new Map();
/** @type {(() => void) | null} */
let deaf = null;
/** @type {Call | null} */
let watched = null;
/** @type {(() => void) | null} */
let release = null;

/** @param {string} id @returns {HTMLElement} */
function by(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {string} name @param {string} [who] */
function sentence(name, who = "") {
  return (words[name] ?? name).replace("%(who)s", who);
}

/** @param {string} text */
function say(text) {
  by("said").textContent = text;
}

/** Show what is wrong until something goes well. @param {unknown} trouble */
function complain(trouble) {
  const name = trouble instanceof Error ? trouble.message : String(trouble ?? "");
  by("trouble").hidden = !name;
  by("trouble-text").textContent = name ? words[name] ?? words.failed : "";
}

// -- on and off ---------------------------------------------------------------------------------

function token() {
  return document.querySelector("[name=csrfmiddlewaretoken]")?.getAttribute("value") ?? "";
}

/** @param {string} url */
function post(url) {
  return fetch(url, { method: "POST", headers: { "X-CSRFToken": token() } });
}

async function turnOn() {
  if (line) return;
  complain("");
  if (!window.isSecureContext) return complain("insecure");
  change("connecting");
  try {
    // Asked for now, so that nobody is asked while a caller waits.
    microphone.close(await microphone.open());
    await microphone.list(/** @type {HTMLSelectElement} */ (by("microphone")), words.microphone);
    const answer = await post(facts.on);
    if (!answer.ok || answer.redirected) throw new microphone.Trouble("refused");
    connect(await answer.json());
    localStorage.setItem(ON, "yes");
  } catch (error) {
    change("off");
    complain(error instanceof microphone.Trouble ? error : "unreachable");
  }
}

/** @type {any} */
let account = null;

/** @param {any} given */
function connect(given) {
  account = given;
  line?.stop();
  line = new Line(facts.url, given, {
    changed: (now, trouble) => {
      if (now === "off") line = null;
      rings(now === "ready");
      // What was lost with the connection is told; what was not goes on.
      if (now === "ready" && state === "connecting") for (const call of calls.keys()) call.check();
      change(now);
      complain(now === "ready" ? "" : trouble);
    },
    arrived: (session) => arrive(session),
  });
}

/** While this is held, other pages leave the ringing to the phone. @param {boolean} on */
function rings(on) {
  if (!on) {
    release?.();
    release = null;
  } else if (!release) {
    // It may have been turned off again before its turn came.
    const wish = () => (line?.ready ? new Promise((done) => { release = () => done(null); }) : undefined);
    void navigator.locks.request("carillon-phone-on", wish);
  }
}

async function turnOff() {
  localStorage.removeItem(ON);
  leave();
  await post(facts.off).catch(() => {});
}

function leave() {
  line?.stop();
  line = null;
  account = null;
  rings(false);
  change("off");
}

/** @param {string} now */
function change(now) {
  state = now;
  const shown = calls.size && now === "ready" ? "in-call" : now;
  const pill = by("state");
  pill.textContent = words[shown];
  pill.className = `pill ${{ ready: "ok", connecting: "acw", "in-call": "call" }[shown] ?? ""}`;
  by("when-off").hidden = now !== "off";
  by("when-on").hidden = now === "off";
  by("turn-off").hidden = now === "off";
  channel.postMessage({ state: shown, word: words[shown] });
}

// -- calls --------------------------------------------------------------------------------------

/** @param {any} session */
function arrive(session) {
  const call = add(new Call(session, null, changed));
  const who = nameOf(call, words);
  say(sentence("calls-you", who));
  attract(sentence("calls-you", who), facts, Boolean(talking()));
  // Whoever types goes on typing, and the key that answers one call must not meet another.
  const at = document.activeElement;
  const busy = at instanceof HTMLInputElement || by("calls").contains(at);
  const first = [...calls.keys()].find((each) => each.state === "ringing") ?? call;
  if (!busy) calls.get(first)?.find("[data-do=answer]").focus();
}

/** @param {Call} call */
function add(call) {
  const card = new Card(call, words, facts.colleagues, facts.extension, (what, on, to) => void act(what, on, to));
  calls.set(call, card);
  by("calls").append(card.element);
  refresh();
  return call;
}

/** @param {Call} call */
function changed(call) {
  if (call.state === "over") over(call);
  refresh();
}

/** @param {Call} call */
function over(call) {
  const card = calls.get(call);
  if (!card) return;
  const had = card.element.contains(document.activeElement);
  calls.delete(call);
  card.element.remove();
  const who = nameOf(call, words);
  const missed = call.trouble === "missed";
  if (call.trouble && !missed) complain(call.trouble);
  say(missed ? sentence("missed", who) : sentence(call.trouble || "ended", who));
  by("missed").hidden = !missed;
  if (missed) by("missed-text").textContent = sentence("missed", who);
  if (had) field.focus();
}

function refresh() {
  const every = [...calls.keys()];
  const ringing = every.some((call) => call.state === "ringing");
  if (!ringing) calm(words.title);
  else if (talking()) hush();
  for (const [call, card] of calls) card.show(every.some((each) => each !== call && each.answeredAt > 0));
  by("dial").hidden = every.some((call) => call.state === "ringing" || call.state === "calling");
  level(every.find((call) => call.state === "talking") ?? null);
  again();
  change(state);
}

/** @param {Call | null} call */
function level(call) {
  if (call === watched) return;
  deaf?.();
  deaf = null;
  watched = call;
  if (call?.stream) deaf = microphone.watch(call.stream, (loud) => {
    by("level").style.setProperty("--level", String(call.isMuted ? 0 : loud));
  });
}

function talking() {
  return [...calls.keys()].find((call) => call.state === "talking");
}

/** @param {string} what @param {Call} call @param {string} [to] */
async function act(what, call, to = "") {
  try {
    if (what === "answer") await answer(call);
    else if (what === "hang-up") call.hangUp();
    else if (what === "mute") mute(call);
    else if (what === "hold") hold(call);
    else if (what === "join") await join(call);
    else if (what === "transfer") await transfer(call, to);
  } catch (error) {
    complain(error instanceof microphone.Trouble ? error : "failed");
  }
}

/** @param {Call} call */
async function answer(call) {
  hush();
  complain("");
  by("missed").hidden = true;
  holdOthers(call);
  await call.answer();
}

/** @param {Call} call */
function holdOthers(call) {
  for (const each of calls.keys()) if (each !== call) each.hold();
}

/** @param {Call} call */
function mute(call) {
  call.toggleMute();
  say(words[call.isMuted ? "muted" : "unmuted"]);
}

/** @param {Call} call */
function hold(call) {
  if (call.state === "talking") {
    call.hold();
    return;
  }
  holdOthers(call);
  call.resume();
}

/** Let the other two talk without us. @param {Call} call */
async function join(call) {
  const other = [...calls.keys()].find((each) => each !== call && each.answeredAt > 0);
  if (!other) return;
  await other.transfer(call.session.remote_identity.uri, call);
  say(sentence("transferred", nameOf(other, words)));
  other.hangUp();
  call.hangUp();
}

/** @param {Call} call @param {string} to */
async function transfer(call, to) {
  await call.transfer(bare(to));
  say(sentence("transferred", nameOf(call, words)));
  call.hangUp();
}

/** @param {string} number */
function bare(number) {
  return number.replace(/[\s.\-()/]/g, "");
}

/** @param {{name: string, number: string}} who */
async function dial(who) {
  complain(who.number ? "" : "nobody");
  if (!who.number || !line) return field.focus();
  by("missed").hidden = true;
  try {
    const stream = await microphone.open();
    holdOthers(/** @type {any} */ (null));
    localStorage.setItem(LAST, JSON.stringify(who));
    const call = add(new Call(line.call(bare(who.number), stream), stream, changed, who));
    field.value = "";
    calls.get(call)?.find("[data-part=calling] [data-do=hang-up]").focus();
  } catch (error) {
    complain(error instanceof microphone.Trouble ? error : "failed");
  }
}

function again() {
  const last = JSON.parse(localStorage.getItem(LAST) ?? "null");
  by("redial").hidden = !last;
  if (last) by("redial-text").textContent = sentence("redial", spoken(last.name || last.number));
}

// -- the page -----------------------------------------------------------------------------------

const found = suggest(field, by("dial-found"), facts.colleagues, (each) => {
  found.clear();
  void dial({ name: each.name, number: each.extension });
});

by("dial").addEventListener("submit", async (event) => {
  event.preventDefault();
  const who = await found.meant();
  found.clear();
  await dial(who);
});
by("redial").addEventListener("click", () => void dial(JSON.parse(localStorage.getItem(LAST) ?? "null")));
by("turn-on").addEventListener("click", () => void turnOn());
by("turn-off").addEventListener("click", () => void turnOff());
offerNotices(by("ask-notices"), by("no-notices"));
by("microphone").addEventListener("change", async (event) => {
  microphone.choose(/** @type {HTMLSelectElement} */ (event.target).value);
  const call = talking();
  try {
    await call?.changeMicrophone();
    level(null);
    refresh();
  } catch (error) {
    complain(error);
  }
});

listenToKeys(() => [...calls.keys()], { answer: (call) => void act("answer", call), mute });
window.addEventListener("beforeunload", (event) => {
  if (calls.size) event.preventDefault();
});
window.addEventListener("pagehide", () => {
  for (const call of calls.keys()) call.hangUp();
  line?.stop();
  if (!by("here").hidden) channel.postMessage({ state: "off", word: words.off });
});
// A network that changed leaves a connection that nobody knows to be dead.
window.addEventListener("online", () => {
  if (line && account && !calls.size) connect(account);
});
navigator.mediaDevices?.addEventListener("devicechange", () => {
  void microphone.list(/** @type {HTMLSelectElement} */ (by("microphone")), words.microphone);
});
window.setInterval(() => calls.forEach((card) => card.tick()), 1000);
window.setInterval(() => void check(), CHECK_MS);
channel.addEventListener("message", (event) => {
  if (event.data === "?" && !by("here").hidden) change(state);
  if (event.data !== "signed-out") return;
  localStorage.removeItem(ON);
  leave();
  // The sign-out itself is on its way only now.
  window.setTimeout(() => window.location.reload(), SIGN_OUT_MS);
});

/** A sign-in ended elsewhere, or another company chosen: the phone ends too, though not in the middle of a call. */
async function check() {
  if (!line || calls.size) return;
  const answer = await fetch(facts.colleagues).catch(() => null);
  if (answer && (answer.redirected || [403, 404].includes(answer.status)) && !calls.size) {
    leave();
    window.location.reload();
  }
}

/** One window is the phone; another one may take it over. @param {boolean} steal */
function begin(steal) {
  const wish = steal ? { steal: true } : { ifAvailable: true };
  const held = navigator.locks.request("carillon-phone-window", wish, (lock) => {
    by("elsewhere").hidden = Boolean(lock);
    by("here").hidden = !lock;
    by("state").hidden = !lock;
    if (!lock) return undefined;
    refresh();
    if (localStorage.getItem(ON)) void turnOn();
    return new Promise(() => {});
  });
  held.catch(() => {
    leave();
    by("elsewhere").hidden = false;
    by("here").hidden = true;
    by("state").hidden = true;
  });
}

by("use-here").addEventListener("click", () => begin(true));
if (!navigator.locks) complain("insecure");
else begin(false);
