// The pretend mobile: plays what it hears as soon as it is answered.
// @ts-check
document.addEventListener("htmx:afterSwap", () => {
  const sound = document.querySelector("audio.pretend-sound");
  if (sound instanceof HTMLAudioElement && sound.paused) void sound.play();
});
