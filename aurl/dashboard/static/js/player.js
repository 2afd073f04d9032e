// Plays notes with WebAudio: a soft struck string from two oscillators and a falling filter. One piece at a time.

const AHEAD = 0.25; // seconds scheduled in advance, so that a long piece makes no ten thousand oscillators at once
let sounding = null;

/** Schedules notes on a context (also an OfflineAudioContext) from a tick on; returns seconds a tick and where it starts. */
export function voices(context, target, music) {
  const second = 60 / (music.tempo || 120) / music.ticks_per_beat;
  return music.notes.map(([onset, length, pitch, velocity]) => ({ at: onset * second, play: (start) => strike(context, target, start, length * second, pitch, velocity) }));
}

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

/** Plays a piece from a tick; `onmove(tick)` follows it, `onend()` comes when it is over or stopped. */
export function play(music, from, onmove, onend) {
  stop();
  const context = new AudioContext();
  const compressor = context.createDynamicsCompressor();
  compressor.connect(context.destination);
  const second = 60 / (music.tempo || 120) / music.ticks_per_beat;
  const notes = voices(context, compressor, music).filter((note) => note.at >= from * second - 1e-9).sort((a, b) => a.at - b.at);
  const end = music.notes.reduce((most, [onset, length]) => Math.max(most, onset + length), 0) * second;
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
