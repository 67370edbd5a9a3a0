// <audio-player>: a play button, a drawn wave that can be clicked, the time, and the speed.
// @ts-check

/** @param {number} seconds */
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const SPEEDS = [1, 1.25, 1.5, 2];

class AudioPlayer extends HTMLElement {
  connectedCallback() {
    const button = /** @type {HTMLButtonElement} */ (this.querySelector(".pl"));
    const time = /** @type {HTMLElement} */ (this.querySelector("time"));
    const wave = /** @type {SVGElement} */ (this.querySelector(".wave"));
    const speed = /** @type {HTMLButtonElement | null} */ (this.querySelector(".speed"));
    const total = Number(this.dataset.seconds);
    /** @type {HTMLAudioElement | null} */
    let audio = null;

    const draw = () => {
      const length = audio && isFinite(audio.duration) ? audio.duration : total;
      const at = audio ? audio.currentTime : 0;
      const bars = wave.querySelectorAll("rect");
      bars.forEach((bar, i) => bar.classList.toggle("p", length > 0 && i / bars.length < at / length));
      time.textContent = at > 0 ? `${clock(at)} / ${clock(length)}` : clock(length);
      this.classList.toggle("playing", audio !== null && !audio.paused);
      button.setAttribute("aria-pressed", String(audio !== null && !audio.paused));
    };
    const load = () => {
      if (audio) return audio;
      audio = new Audio(this.dataset.src);
      for (const name of ["timeupdate", "play", "pause", "ended", "loadedmetadata"]) {
        audio.addEventListener(name, draw);
      }
      audio.addEventListener("error", () => this.classList.add("broken"));
      return audio;
    };
    button.addEventListener("click", () => {
      const sound = load();
      if (sound.paused) {
        document.querySelectorAll("audio-player.playing .pl").forEach((other) => {
          if (other !== button) /** @type {HTMLElement} */ (other).click();
        });
        void sound.play();
      } else {
        sound.pause();
      }
    });
    wave.addEventListener("click", (event) => {
      const sound = load();
      const box = wave.getBoundingClientRect();
      sound.currentTime = ((event.clientX - box.left) / box.width) * total;
      void sound.play();
    });
    speed?.addEventListener("click", () => {
      const sound = load();
      sound.playbackRate = SPEEDS[(SPEEDS.indexOf(sound.playbackRate) + 1) % SPEEDS.length];
      /** @type {HTMLElement} */ (speed.querySelector(".rate")).textContent = `${sound.playbackRate}×`;
    });
  }
}

customElements.define("audio-player", AudioPlayer);
