// Plays a call while it goes on: a wav that grows, as the server is given it.
// @ts-check

const HEAD_BYTES = 44, RATE = 8000;
const LEAD_SECONDS = 0.35; // What comes in bursts is played without gaps.

class LiveCall extends HTMLElement {
  connectedCallback() {
    if (this.context) return;
    this.context = new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.analyser.connect(this.context.destination);
    this.at = 0;
    const silent = this.querySelector("[data-silent]");
    const resume = () => this.context.resume().then(() => { silent.hidden = true; });
    silent.hidden = this.context.state === "running";
    silent.querySelector("button").addEventListener("click", resume);
    void resume();
    this.stopper = new AbortController();
    void this.play().catch(() => {});
    this.showLoudness();
  }

  disconnectedCallback() {
    this.stopper.abort();
    void this.context.close();
  }

  async play() {
    const answer = await fetch(this.dataset.src, { signal: this.stopper.signal });
    if (!answer.ok || !answer.body) return;
    const reader = answer.body.getReader();
    let skip = HEAD_BYTES, left = new Uint8Array(0);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      let bytes = new Uint8Array(left.length + value.length);
      bytes.set(left);
      bytes.set(value, left.length);
      const passed = Math.min(skip, bytes.length);
      skip -= passed;
      bytes = bytes.slice(passed);
      const whole = bytes.length & ~1;
      left = bytes.slice(whole);
      if (whole) this.schedule(new DataView(bytes.buffer, 0, whole));
    }
  }

  schedule(view) {
    const count = view.byteLength / 2;
    const buffer = this.context.createBuffer(1, count, RATE);
    const samples = buffer.getChannelData(0);
    for (let i = 0; i < count; i++) samples[i] = view.getInt16(2 * i, true) / 32768;
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.analyser);
    const now = this.context.currentTime;
    if (this.at < now) this.at = now + LEAD_SECONDS;
    source.start(this.at);
    this.at += buffer.duration;
  }

  showLoudness() {
    if (!this.isConnected) return;
    const samples = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
    this.querySelector("meter").value = Math.min(1, 3 * Math.sqrt(power));
    requestAnimationFrame(() => this.showLoudness());
  }
}

customElements.define("live-call", LiveCall);
