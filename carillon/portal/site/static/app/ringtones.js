// The ringtones: a few notes each, made by the browser itself; nothing is downloaded.
// @ts-check

const SILENCE = 0.0001;

/**
 * What each is made of: notes of [hertz, from, seconds], how they sound, and after how long they begin again.
 * @type {Record<string, {notes: [number, number, number][], wave: OscillatorType, loud: number, again: number}>}
 */
const TUNES = {
  // Two bells at once, twice, and a pause: the telephone of old.
  classic: {
    notes: [[480, 0, 0.9], [440, 0, 0.9], [480, 1.2, 0.9], [440, 1.2, 0.9]],
    wave: "triangle", loud: 0.16, again: 4,
  },
  // A carillon: four falling strokes.
  carillon: {
    notes: [[1318.5, 0, 1.2], [1046.5, 0.28, 1.2], [1174.7, 0.56, 1.2], [784, 0.84, 1.8]],
    wave: "sine", loud: 0.28, again: 3.6,
  },
  // Wood: short and quick.
  marimba: {
    notes: [[523.3, 0, 0.3], [659.3, 0.16, 0.3], [784, 0.32, 0.3], [659.3, 0.48, 0.3], [1046.5, 0.64, 0.5]],
    wave: "triangle", loud: 0.3, again: 2.4,
  },
  // One low note that swells twice.
  soft: { notes: [[392, 0, 1.1], [493.9, 1.1, 1.4]], wave: "sine", loud: 0.2, again: 4.2 },
};

/**
 * Write one round of a tune into any kind of audio context; return when the next one begins.
 * @param {BaseAudioContext} context @param {string} name @param {number} at @param {AudioNode} to
 */
export function compose(context, name, at, to) {
  const tune = TUNES[name] ?? TUNES.classic;
  for (const [hertz, from, seconds] of tune.notes) {
    const voice = context.createOscillator();
    const stroke = context.createGain();
    voice.type = tune.wave;
    voice.frequency.value = hertz;
    stroke.gain.setValueAtTime(SILENCE, at + from);
    stroke.gain.exponentialRampToValueAtTime(tune.loud, at + from + 0.02);
    stroke.gain.exponentialRampToValueAtTime(SILENCE, at + from + seconds);
    voice.connect(stroke).connect(to);
    voice.start(at + from);
    voice.stop(at + from + seconds);
  }
  return at + tune.again;
}

/** @type {AudioContext | null} */
let context = null;
/** @type {GainNode | null} */
let playing = null;
let timer = 0;

/** Ring until `stop`; once alone when it is only listened to. @param {string} name @param {boolean} [once] */
export function ring(name, once = false) {
  stop();
  context ??= new AudioContext();
  // A browser lets a page sound only after a click on it: until then this waits.
  void context.resume();
  const out = context.createGain();
  out.connect(context.destination);
  playing = out;
  const here = context;
  const next = () => {
    const again = compose(here, name, here.currentTime + 0.05, out);
    if (!once) timer = window.setTimeout(next, (again - here.currentTime) * 1000);
  };
  next();
}

/** Be silent at once. */
export function stop() {
  window.clearTimeout(timer);
  playing?.disconnect();
  playing = null;
}
