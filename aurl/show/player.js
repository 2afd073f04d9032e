// Piano rolls that sound: drawn on a canvas, played by oscillators; no sound files, no library, no network.
// The one player: the dashboard serves this file, and report.html and compare.html carry it inside.

const AHEAD = 0.25; // seconds scheduled in advance, so that a long piece makes no ten thousand oscillators at once
const BLACK = new Set([1, 3, 6, 8, 10]);
const LEAST_SEMITONES = 25;
const LEFT = 24;
let sounding = null;

/** A canvas of this size in CSS pixels, sharp on dense screens; returns its context, scaled. */
export function sharp(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.setProperty("width", `${width}px`);
  canvas.style.setProperty("height", `${height}px`);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/**
 * A roll with its Play button. `music` is {notes: [[onset, duration, pitch, velocity]], ticks_per_beat, tempo, bar, bars},
 * times in ticks; `copied`, where it is known, holds passages [from, to] taken from the training music.
 */
export class Player {
  constructor(roll, button, music) {
    Object.assign(this, { roll, button, music, playing: false });
    this.notes = document.createElement("canvas");
    this.line = document.createElement("canvas");
    this.line.setAttribute("aria-hidden", "true");
    roll.prepend(this.notes, this.line);
    button.disabled = !music.notes.length;
    button.addEventListener("click", () => this.toggle(0));
    roll.addEventListener("click", (event) => this.seek(event));
    this.ended();
  }

  draw() {
    this.width = this.roll.clientWidth;
    this.height = this.roll.clientHeight;
    this.place = drawRoll(this.notes, this.music, this.width, this.height);
    this.head(null);
  }

  head(tick) {
    if (this.place) drawHead(this.line, this.place, tick, this.width, this.height);
  }

  seek(event) {
    if (!this.place || !this.music.notes.length) return;
    const box = this.roll.getBoundingClientRect();
    const share = (event.clientX - box.left - LEFT) / (box.width - LEFT);
    this.toggle(Math.max(0, share) * this.place.ticks, true);
  }

  toggle(from, restart = false) {
    if (this.playing && !restart) return stop();
    stop();
    this.playing = true;
    this.button.textContent = "\u25a0 Stop";
    this.button.setAttribute("aria-pressed", "true");
    play(this.music, from, (tick) => this.head(tick), () => this.ended());
  }

  ended() {
    this.playing = false;
    this.button.textContent = "\u25b6 Play";
    this.button.removeAttribute("aria-pressed");
    this.head(null);
  }
}

/** Time to the right, pitch upwards, bar lines, copied passages hatched; in the colours of the style sheet. */
export function drawRoll(canvas, music, width, height) {
  const context = sharp(canvas, width, height);
  const place = layout(music, width, height);
  const colour = (name) => getComputedStyle(canvas).getPropertyValue(`--${name}`).trim();
  const copied = music.copied ?? [];
  grid(context, music, place, { width, height, colour });
  for (const [from, to] of copied) hatch(context, place.x(from), place.x(to), height, colour("copied"));
  const [own, taken] = [colour("note"), colour("copied")];
  for (const [onset, length, pitch, velocity] of music.notes) {
    const x = place.x(onset);
    const tall = Math.max(1.5, place.row - (place.row > 4 ? 1 : 0));
    context.globalAlpha = 0.45 + 0.55 * Math.min(1, velocity / 100);
    context.fillStyle = copied.some(([from, to]) => onset >= from && onset < to) ? taken : own;
    context.beginPath();
    context.roundRect(x, place.y(pitch), Math.max(1.5, place.x(onset + length) - x - 0.7), tall, Math.min(2, tall / 2));
    context.fill();
  }
  context.globalAlpha = 1;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", describe(music));
  return place;
}

function describe(music) {
  if (!music.notes.length) return "Piano roll without notes";
  const pitches = music.notes.map((note) => note[2]);
  const copied = music.copied?.length ? `, ${music.copied.length} copied passages` : "";
  return `Piano roll: ${music.notes.length} notes in ${music.bars} bars, ${pitchName(Math.min(...pitches))} to ${pitchName(Math.max(...pitches))}${copied}`;
}

const pitchName = (pitch) => `${["C", "C\u266f", "D", "E\u266d", "E", "F", "F\u266f", "G", "A\u266d", "A", "B\u266d", "B"][pitch % 12]}${Math.floor(pitch / 12) - 1}`;

function layout(music, width, height) {
  const pitches = music.notes.map((note) => note[2]);
  let [low, high] = pitches.length ? [Math.min(...pitches) - 1, Math.max(...pitches) + 1] : [60, 60];
  const missing = Math.max(0, LEAST_SEMITONES - (high - low + 1));
  low -= Math.floor(missing / 2);
  high += Math.ceil(missing / 2);
  const ticks = Math.max(1, Math.ceil(lastTick(music) / music.bar)) * music.bar;
  const row = height / (high - low + 1);
  return { low, high, row, ticks, x: (tick) => LEFT + (tick / ticks) * (width - LEFT), y: (pitch) => (high - pitch) * row };
}

const lastTick = (music) => music.notes.reduce((most, [onset, length]) => Math.max(most, onset + length), 0);

function grid(context, music, place, { width, height, colour }) {
  const shade = (name, share, ...box) => {
    context.globalAlpha = share;
    context.fillStyle = colour(name);
    context.fillRect(...box);
  };
  shade("key", 1, LEFT, 0, width, height);
  for (let pitch = place.low; pitch <= place.high; pitch += 1) {
    if (BLACK.has(((pitch % 12) + 12) % 12)) shade("ink", 0.045, LEFT, place.y(pitch), width, place.row);
  }
  const many = place.ticks / music.bar;
  const every = Math.max(1, Math.ceil(many / 16));
  for (let bar = 0; bar <= many; bar += every) shade("ink", 0.16, Math.round(place.x(bar * music.bar)), 0, 1, height);
  if (many <= 8) for (let tick = 0; tick < place.ticks; tick += music.ticks_per_beat) shade("ink", 0.06, Math.round(place.x(tick)), 0, 1, height);
  context.globalAlpha = 1;
  context.fillStyle = colour("faint");
  context.font = "9.5px sans-serif";
  context.textAlign = "right";
  for (let pitch = Math.ceil(place.low / 12) * 12; pitch <= place.high; pitch += 12) context.fillText(pitchName(pitch), LEFT - 4, place.y(pitch) + place.row);
}

function hatch(context, from, to, height, colour) {
  context.save();
  context.beginPath();
  context.rect(from, 0, to - from, height);
  context.clip();
  context.globalAlpha = 0.12;
  context.fillStyle = colour;
  context.fillRect(from, 0, to - from, height);
  context.globalAlpha = 0.35;
  context.strokeStyle = colour;
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
  context.fillStyle = getComputedStyle(canvas).getPropertyValue("--critical").trim();
  context.fillRect(Math.round(place.x(Math.min(tick, place.ticks))), 0, 1.5, height);
}

const tickSeconds = (music) => 60 / (music.tempo || 120) / music.ticks_per_beat;

/** Each note as the second at which it begins and a function that schedules it, also on an OfflineAudioContext. */
export function voices(context, target, music) {
  const second = tickSeconds(music);
  return music.notes.map(([onset, length, pitch, velocity]) => ({ at: onset * second, play: (start) => strike(context, target, start, length * second, pitch, velocity) }));
}

/** A soft struck string from two oscillators and a falling filter. */
function strike(context, target, start, length, pitch, velocity) {
  const frequency = 440 * 2 ** ((pitch - 69) / 12);
  const gain = context.createGain();
  const filter = context.createBiquadFilter();
  const loud = 0.16 * (velocity / 127) ** 1.2;
  filter.type = "lowpass";
  filter.frequency.setValueAtTime(Math.min(12_000, frequency * 7), start);
  filter.frequency.exponentialRampToValueAtTime(Math.max(200, frequency * 2), start + Math.max(0.2, length));
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(loud, start + 0.008);
  gain.gain.exponentialRampToValueAtTime(loud * 0.35 + 1e-4, start + Math.max(0.05, length * 0.9));
  gain.gain.linearRampToValueAtTime(0, start + length + 0.12);
  filter.connect(gain).connect(target);
  for (const [type, times, share] of [["triangle", 1, 1], ["sine", 2, 0.25]]) {
    const oscillator = context.createOscillator();
    const part = context.createGain();
    part.gain.value = share;
    oscillator.type = type;
    oscillator.frequency.value = frequency * times;
    oscillator.connect(part).connect(filter);
    oscillator.start(start);
    oscillator.stop(start + length + 0.15);
  }
}

/** Plays a piece from a tick, one piece at a time; `onmove(tick)` follows it, `onend()` comes when it is over or stopped. */
export function play(music, from, onmove, onend) {
  stop();
  const context = new AudioContext();
  const compressor = context.createDynamicsCompressor();
  compressor.connect(context.destination);
  const second = tickSeconds(music);
  const notes = voices(context, compressor, music).filter((note) => note.at >= from * second - 1e-9).sort((a, b) => a.at - b.at);
  const end = lastTick(music) * second;
  const zero = context.currentTime + 0.08 - from * second;
  const mine = { context, onend, frame: 0, next: 0 };
  sounding = mine;
  const step = () => {
    const now = context.currentTime - zero;
    while (mine.next < notes.length && notes[mine.next].at < now + AHEAD) {
      notes[mine.next].play(Math.max(context.currentTime, zero + notes[mine.next].at));
      mine.next += 1;
    }
    onmove(Math.max(0, now / second));
    if (now > end + 0.3) stop();
  };
  mine.timer = setInterval(step, 60);
  const follow = () => {
    if (sounding !== mine) return;
    onmove(Math.max(0, (context.currentTime - zero) / second));
    mine.frame = requestAnimationFrame(follow);
  };
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) follow();
  step();
}

export function stop() {
  const mine = sounding;
  sounding = null;
  if (!mine) return;
  clearInterval(mine.timer);
  cancelAnimationFrame(mine.frame);
  mine.context.close();
  mine.onend();
}

/** Peak and loudness of the first seconds, rendered without a sound card: what a test listens to. */
export async function measure(music, seconds = 4) {
  const context = new OfflineAudioContext(1, 22_050 * seconds, 22_050);
  for (const note of voices(context, context.destination, music)) if (note.at < seconds) note.play(note.at);
  const samples = (await context.startRendering()).getChannelData(0);
  const peak = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { peak, rms: Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length) };
}
