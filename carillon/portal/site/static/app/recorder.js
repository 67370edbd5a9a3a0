// Records the microphone as a WAV file into a form's file field, and shows only what the chosen way needs.

const RATE = 16000, LONGEST = 120;

class SoundRecorder extends HTMLElement {
  connectedCallback() {
    if (this.button) return;
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "btn btn-def";
    this.button.textContent = this.dataset.record;
    this.said = document.createElement("span");
    this.said.className = "sm muted";
    this.said.setAttribute("role", "status");
    this.append(this.button, " ", this.said);
    this.button.addEventListener("click", () => (this.context ? this.stop() : this.start()));
  }

  async start() {
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      this.said.textContent = this.dataset.denied;
      return;
    }
    this.context = new AudioContext({ sampleRate: RATE });
    this.chunks = [];
    const source = this.context.createMediaStreamSource(this.stream);
    const tap = this.context.createScriptProcessor(4096, 1, 1);
    tap.onaudioprocess = (event) => {
      this.chunks.push(new Float32Array(event.inputBuffer.getChannelData(0)));
      const seconds = (this.chunks.length * 4096) / RATE;
      this.said.textContent = `${seconds.toFixed(0)} s`;
      if (seconds > LONGEST) this.stop();
    };
    source.connect(tap);
    tap.connect(this.context.destination);
    this.button.textContent = this.dataset.stop;
  }

  stop() {
    this.stream.getTracks().forEach((track) => track.stop());
    this.context.close();
    this.context = null;
    this.button.textContent = this.dataset.record;
    const file = new File([wav(this.chunks)], "recording.wav", { type: "audio/wav" });
    const kept = new DataTransfer();
    kept.items.add(file);
    document.getElementById(this.dataset.for).files = kept.files;
  }
}

function wav(chunks) {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * length));
  const text = (at, word) => [...word].forEach((c, n) => view.setUint8(at + n, c.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * length, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true); view.setUint32(28, 2 * RATE, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, 2 * length, true);
  let at = 44;
  for (const chunk of chunks) {
    for (const sample of chunk) {
      view.setInt16(at, Math.max(-1, Math.min(1, sample)) * 32767, true);
      at += 2;
    }
  }
  return view.buffer;
}

function follow(form) {
  const show = () => {
    const chosen = form.querySelector("[name=choice]:checked")?.value;
    form.querySelectorAll("[data-choice]").forEach((part) => (part.hidden = part.dataset.choice !== chosen));
  };
  form.addEventListener("change", show);
  show();
}

customElements.define("sound-recorder", SoundRecorder);
document.querySelectorAll("form").forEach((form) => form.querySelector("[data-choice]") && follow(form));
document.body.addEventListener("htmx:afterSwap", () => {
  const done = document.querySelector("#by-phone[data-ticket]");
  const field = document.querySelector("[name=ticket]");
  if (done && field) field.value = done.dataset.ticket;
});
