"use strict";
// Pointing at a group lights it up in every picture; Play sounds a sample's notes by oscillators.
(() => {
  const groups = [...document.querySelectorAll("[data-group]")];
  const pick = (name) => {
    document.body.classList.toggle("picked", name !== null);
    for (const one of groups) one.classList.toggle("lit", one.dataset.group === name);
  };
  for (const one of groups) {
    one.addEventListener("pointerenter", () => pick(one.dataset.group));
    one.addEventListener("pointerleave", () => pick(null));
    one.addEventListener("focus", () => pick(one.dataset.group));
    one.addEventListener("blur", () => pick(null));
  }

  let playing = null;
  const stop = () => {
    if (!playing) return;
    cancelAnimationFrame(playing.frame);
    playing.context.close();
    playing.button.textContent = "Play";
    playing.head.style.visibility = "hidden";
    playing = null;
  };
  const sound = (context, [onset, duration, pitch, velocity], out) => {
    const start = context.currentTime + 0.05 + onset;
    const tone = context.createOscillator();
    const loudness = context.createGain();
    tone.type = "triangle";
    tone.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
    loudness.gain.setValueAtTime(0, start);
    loudness.gain.linearRampToValueAtTime((0.16 * velocity) / 127, start + 0.01);
    loudness.gain.exponentialRampToValueAtTime(0.0005, start + duration + 0.12);
    tone.connect(loudness).connect(out);
    tone.start(start);
    tone.stop(start + duration + 0.15);
  };
  const play = (button) => {
    const context = new AudioContext();
    const limiter = context.createDynamicsCompressor();
    limiter.connect(context.destination);
    const notes = JSON.parse(button.dataset.notes);
    const end = Math.max(...notes.map(([onset, duration]) => onset + duration));
    for (const note of notes) sound(context, note, limiter);
    const head = button.closest("figure").querySelector(".head");
    const width = 326;
    playing = { context, button, head, frame: 0 };
    button.textContent = "Stop";
    head.style.visibility = "visible";
    const move = () => {
      const share = Math.min(1, context.currentTime / Math.min(end, 40));
      head.setAttribute("transform", `translate(${share * width} 0)`);
      if (context.currentTime > end + 0.3) stop();
      else if (playing) playing.frame = requestAnimationFrame(move);
    };
    move();
  };
  for (const button of document.querySelectorAll("button[data-notes]")) {
    button.addEventListener("click", () => {
      const again = playing && playing.button === button;
      stop();
      if (!again) play(button);
    });
  }
})();
