// A piano roll on a canvas: time to the right, pitch upwards, copied passages hatched, a line where it plays.

import { colours, fade } from "./colours.js";
import { sharp } from "./dom.js";

const BLACK = new Set([1, 3, 6, 8, 10]);
const LEAST_SEMITONES = 25;
const LEFT = 24;

/** Draws {notes: [[onset, duration, pitch, velocity]], bar, ticks_per_beat, copied} in ticks. */
export function drawRoll(canvas, music, width, height) {
  const context = sharp(canvas, width, height);
  const place = layout(music, width, height);
  grid(context, music, place, width, height);
  for (const [from, to] of music.copied ?? []) hatch(context, place.x(from), place.x(to), height);
  for (const [onset, length, pitch, velocity] of music.notes) {
    const copied = (music.copied ?? []).some(([from, to]) => onset >= from && onset < to);
    const [x, y] = [place.x(onset), place.y(pitch)];
    const wide = Math.max(1.5, place.x(onset + length) - x - 0.7);
    const tall = Math.max(1.5, place.row - (place.row > 4 ? 1 : 0));
    context.fillStyle = fade(copied ? colours.copied : colours.note, 0.45 + 0.55 * Math.min(1, velocity / 100));
    context.beginPath();
    context.roundRect(x, y, wide, tall, Math.min(2, tall / 2));
    context.fill();
  }
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", describe(music));
  return place;
}

function describe(music) {
  if (!music.notes.length) return "Piano roll without notes";
  const pitches = music.notes.map((note) => note[2]);
  const copied = music.copied?.length ? `, ${music.copied.length} copied passages` : "";
  return `Piano roll: ${music.notes.length} notes in ${music.bars} bars, ${name(Math.min(...pitches))} to ${name(Math.max(...pitches))}${copied}`;
}

export const name = (pitch) => `${["C", "C\u266f", "D", "E\u266d", "E", "F", "F\u266f", "G", "A\u266d", "A", "B\u266d", "B"][pitch % 12]}${Math.floor(pitch / 12) - 1}`;

function layout(music, width, height) {
  const pitches = music.notes.map((note) => note[2]);
  let [low, high] = pitches.length ? [Math.min(...pitches) - 1, Math.max(...pitches) + 1] : [60, 60];
  const missing = Math.max(0, LEAST_SEMITONES - (high - low + 1));
  low -= Math.floor(missing / 2);
  high += Math.ceil(missing / 2);
  const end = music.notes.reduce((most, [onset, length]) => Math.max(most, onset + length), 0);
  const ticks = Math.max(1, Math.ceil(end / music.bar)) * music.bar;
  const row = height / (high - low + 1);
  return { low, high, row, ticks, x: (tick) => LEFT + (tick / ticks) * (width - LEFT), y: (pitch) => (high - pitch) * row };
}

function grid(context, music, place, width, height) {
  context.fillStyle = colours.key;
  context.fillRect(LEFT, 0, width, height);
  context.fillStyle = fade(colours.ink, 0.045);
  for (let pitch = place.low; pitch <= place.high; pitch += 1) {
    if (BLACK.has(((pitch % 12) + 12) % 12)) context.fillRect(LEFT, place.y(pitch), width, place.row);
  }
  const many = place.ticks / music.bar;
  const every = Math.max(1, Math.ceil(many / 16));
  for (let bar = 0; bar <= many; bar += every) {
    context.fillStyle = fade(colours.ink, 0.16);
    context.fillRect(Math.round(place.x(bar * music.bar)), 0, 1, height);
  }
  if (many <= 8) {
    context.fillStyle = fade(colours.ink, 0.06);
    for (let tick = 0; tick < place.ticks; tick += music.ticks_per_beat) context.fillRect(Math.round(place.x(tick)), 0, 1, height);
  }
  context.fillStyle = colours.faint;
  context.font = "9.5px sans-serif";
  context.textAlign = "right";
  for (let pitch = Math.ceil(place.low / 12) * 12; pitch <= place.high; pitch += 12) context.fillText(name(pitch), LEFT - 4, place.y(pitch) + place.row);
}

function hatch(context, from, to, height) {
  context.save();
  context.beginPath();
  context.rect(from, 0, to - from, height);
  context.clip();
  context.fillStyle = fade(colours.copied, 0.12);
  context.fillRect(from, 0, to - from, height);
  context.strokeStyle = fade(colours.copied, 0.35);
  context.lineWidth = 1;
  for (let x = from - height; x < to; x += 7) {
    context.beginPath();
    context.moveTo(x, height);
    context.lineTo(x + height, 0);
    context.stroke();
  }
  context.restore();
}

/** The line at this tick, drawn on a canvas above the notes; null clears it. */
export function drawHead(canvas, place, tick, width, height) {
  const context = sharp(canvas, width, height);
  context.clearRect(0, 0, width, height);
  if (tick === null) return;
  context.fillStyle = colours.critical;
  context.fillRect(Math.round(place.x(Math.min(tick, place.ticks))), 0, 1.5, height);
}
