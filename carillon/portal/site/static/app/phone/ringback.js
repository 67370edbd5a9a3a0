// What a caller hears while the other phone rings, where nobody sends it; and the notes of the keys.
// @ts-check

const LOUD = 0.06;
const KEYS = ["123A", "456B", "789C", "*0#D"];
const LOW = [697, 770, 852, 941];
const HIGH = [1209, 1336, 1477, 1633];
const KEY_SECONDS = 0.12;

/** @type {AudioContext | null} */
let context = null;

/** @param {number[]} hertz @param {number} from @param {number} seconds @param {AudioNode} to */
function tone(hertz, from, seconds, to) {
  for (const each of hertz) {
    const voice = to.context.createOscillator();
    voice.frequency.value = each;
    voice.connect(to);
    voice.start(from);
    voice.stop(from + seconds);
  }
}

function quiet() {
  context ??= new AudioContext();
  void context.resume();
  const out = context.createGain();
  out.gain.value = LOUD;
  out.connect(context.destination);
  return out;
}

/** Ring for the caller until the returned function is called. */
export function ringback() {
  const out = quiet();
  const round = () => tone([440], out.context.currentTime + 0.02, 1.5, out);
  round();
  const timer = window.setInterval(round, 5000);
  return () => {
    window.clearInterval(timer);
    out.disconnect();
  };
}

/** Tell somebody who talks that another call waits, until the returned function is called. */
export function knock() {
  const out = quiet();
  const round = () => tone([425], out.context.currentTime + 0.02, 0.25, out);
  round();
  const timer = window.setInterval(round, 3000);
  return () => {
    window.clearInterval(timer);
    out.disconnect();
  };
}

/** @param {string} key */
export function keyTone(key) {
  const row = KEYS.findIndex((keys) => keys.includes(key));
  if (row < 0) return;
  const out = quiet();
  tone([LOW[row], HIGH[KEYS[row].indexOf(key)]], out.context.currentTime, KEY_SECONDS, out);
}
