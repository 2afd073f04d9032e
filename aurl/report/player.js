// Piano rolls on a canvas, played by oscillators: no sound files, no library, no network.
"use strict";

const HEIGHT = 150;
let playing = null;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function draw(sample, position) {
  const { canvas, seconds, bars, notes } = sample;
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  canvas.width = width * scale;
  canvas.height = HEIGHT * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const pitches = notes.map((note) => note[2]);
  const low = Math.min(...pitches, 60) - 2;
  const high = Math.max(...pitches, 61) + 2;
  const row = HEIGHT / (high - low + 1);
  const at = (time) => (time / Math.max(seconds, 0.001)) * width;
  pen.fillStyle = colour("--rule");
  for (const bar of bars) pen.fillRect(at(bar), 0, 1, HEIGHT);
  pen.fillStyle = colour("--t0");
  for (const [start, length, pitch, velocity] of notes) {
    pen.globalAlpha = 0.45 + (0.55 * velocity) / 127;
    pen.fillRect(at(start), (high - pitch) * row, Math.max(at(length) - 1, 1.5), Math.max(row - 0.5, 1.5));
  }
  pen.globalAlpha = 1;
  if (position !== null) {
    pen.fillStyle = colour("--critical");
    pen.fillRect(at(position), 0, 2, HEIGHT);
  }
}

function sound(context, out, [start, length, pitch, velocity], begin) {
  const from = begin + start;
  const until = from + Math.max(length, 0.08);
  const tone = context.createOscillator();
  const gain = context.createGain();
  tone.type = "triangle";
  tone.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
  gain.gain.setValueAtTime(0, from);
  gain.gain.linearRampToValueAtTime((0.22 * velocity) / 127, from + 0.012);
  gain.gain.setValueAtTime((0.16 * velocity) / 127, Math.max(until - 0.03, from + 0.02));
  gain.gain.linearRampToValueAtTime(0, until + 0.04);
  tone.connect(gain).connect(out);
  tone.start(from);
  tone.stop(until + 0.05);
}

function stop() {
  if (playing === null) return;
  const { sample, context, frame } = playing;
  playing = null;
  cancelAnimationFrame(frame);
  context.close();
  sample.button.textContent = "Play";
  draw(sample, null);
}

function play(sample) {
  stop();
  const context = new AudioContext();
  const limiter = context.createDynamicsCompressor();
  limiter.connect(context.destination);
  const begin = context.currentTime + 0.1;
  for (const note of sample.notes) sound(context, limiter, note, begin);
  sample.button.textContent = "Stop";
  playing = { sample, context, frame: 0 };
  const follow = () => {
    if (playing === null || playing.sample !== sample) return;
    const position = context.currentTime - begin;
    if (position > sample.seconds + 0.3) return stop();
    draw(sample, Math.max(position, 0));
    playing.frame = requestAnimationFrame(follow);
  };
  follow();
}

const samples = [...document.querySelectorAll("figure.sample canvas")].map((canvas) => {
  const figure = canvas.closest("figure");
  const told = JSON.parse(figure.querySelector("script").textContent);
  const sample = { canvas, button: figure.querySelector("button"), ...told };
  sample.button.addEventListener("click", () => (playing !== null && playing.sample === sample ? stop() : play(sample)));
  draw(sample, null);
  return sample;
});
const redraw = () => samples.forEach((sample) => playing?.sample !== sample && draw(sample, null));
window.addEventListener("resize", redraw);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
