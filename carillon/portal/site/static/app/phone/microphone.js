// The microphone: which one, whether it may be used, and how loud it hears.
// @ts-check

const CHOSEN = "carillon-phone-microphone";
const FAULTS = new Map([
  ["NotAllowedError", "mic-denied"],
  ["SecurityError", "mic-denied"],
  ["NotFoundError", "mic-missing"],
  ["OverconstrainedError", "mic-missing"],
  ["NotReadableError", "mic-busy"],
  ["AbortError", "mic-busy"],
]);

/** Why a call cannot be: `message` is the name of a sentence. */
export class Trouble extends Error {}

/** Open the chosen microphone, or whichever there is. @returns {Promise<MediaStream>} */
export async function open() {
  if (!navigator.mediaDevices) throw new Trouble("insecure");
  const chosen = localStorage.getItem(CHOSEN);
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: chosen ? { deviceId: { ideal: chosen } } : true });
  } catch (error) {
    throw new Trouble(FAULTS.get(/** @type {Error} */ (error).name) ?? "mic-denied");
  }
}

/** @param {MediaStream | null} stream */
export function close(stream) {
  stream?.getTracks().forEach((track) => track.stop());
}

/** Fill a list with the microphones there are. @param {HTMLSelectElement} list @param {string} word */
export async function list(list, word) {
  const devices = await navigator.mediaDevices?.enumerateDevices() ?? [];
  const found = devices.filter((each) => each.kind === "audioinput" && each.deviceId);
  const chosen = localStorage.getItem(CHOSEN) ?? "";
  list.replaceChildren(...found.map((each, n) => {
    const label = each.label || word.replace("%(n)s", String(n + 1));
    return new Option(label, each.deviceId, false, each.deviceId === chosen);
  }));
}

/** @param {string} device */
export function choose(device) {
  localStorage.setItem(CHOSEN, device);
}

/** @type {AudioContext | null} */
let context = null;

/** Tell how loud a stream is, from 0 to 1, until the returned function is called. */
export function watch(/** @type {MediaStream} */ stream, /** @type {(level: number) => void} */ tell) {
  context ??= new AudioContext();
  void context.resume();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  const source = context.createMediaStreamSource(stream);
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = window.setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, each) => sum + each * each, 0) / samples.length;
    // From -60 dB to nothing less than full: how ears tell loud from quiet.
    tell(Math.min(1, Math.max(0, 1 + Math.log10(power + 1e-12) / 6)));
  }, 100);
  return () => {
    window.clearInterval(timer);
    source.disconnect();
    tell(0);
  };
}
