// Which interval of values a chart shows: all of them, or where the curves are, with marks for what lies outside.

import { lower } from "./paint.js";

const FLATTENED = 8; // the whole range is shown unless it leaves less than this share of the height to the curves
const ROOM = 1.5; // of the curves' own span, above and below them, where the rest is left out
const AWAY = 20; // times as large as the others is a curve that has diverged
const CURVES_APART = 50; // spans of the others between them and such a curve
const kept = new WeakMap();

/** The interval of the values in sight, with a margin; `calm`: one diverged run or spike does not flatten the others. */
export function ordinate(curves, low, high, { log, calm }) {
  const parts = curves.map((curve) => statistics(curve, low, high, log)).filter(Boolean);
  let [min, max] = [Math.min(...parts.map((part) => part.min)), Math.max(...parts.map((part) => part.max))];
  if (calm && !log && parts.length) [min, max] = robust(parts, min, max);
  return margin(min, max, log);
}

function robust(parts, min, max) {
  const level = gathered(parts);
  const [low, high] = [Math.min(...level.map((part) => part.q05)), Math.max(...level.map((part) => part.q95))];
  const core = high - low;
  if (!(core > 0) || max - min <= FLATTENED * core) return [min, max];
  return [Math.max(min, low - ROOM * core), Math.min(max, high + ROOM * core)];
}

/** The curves that lie together: without those that are many times as large as the others, and far from them. */
function gathered(parts) {
  const sorted = [...parts].sort((a, b) => size(a) - size(b));
  const together = sorted.slice(0, Math.ceil(sorted.length / 2));
  for (const part of sorted.slice(together.length)) {
    const [low, high] = [Math.min(...together.map((each) => each.q05)), Math.max(...together.map((each) => each.q95))];
    const far = Math.max(part.q75 - high, low - part.q25);
    if (size(part) > AWAY * size(together[together.length - 1]) && far > CURVES_APART * (high - low)) break;
    together.push(part);
  }
  return together;
}

const size = (part) => Math.max(Math.abs(part.q25), Math.abs(part.q75));

/** Ends and quantiles of a curve's values in a stretch; kept, since a chart is drawn more often than its curves change. */
function statistics(curve, low, high, log) {
  const key = `${low} ${high} ${log} ${curve.y.length}`;
  const before = kept.get(curve);
  if (before?.key === key) return before.found;
  const found = measured(curve, low, high, log);
  kept.set(curve, { key, found });
  return found;
}

function measured({ x, y, low: lows, high: highs }, low, high, log) {
  const first = lower(x, low);
  let last = lower(x, high + Math.abs(high) * 1e-12);
  while (last < x.length && x[last] <= high) last += 1;
  const fits = (value) => Number.isFinite(value) && (!log || value > 0);
  const values = y.slice(first, last).filter(fits).sort();
  if (!values.length) return null;
  const at = (share) => values[Math.min(values.length - 1, Math.floor(share * values.length))];
  let [min, max] = [values[0], values[values.length - 1]];
  for (let place = first; lows && place < last; place += 1) {
    if (fits(lows[place])) min = Math.min(min, lows[place]);
    if (fits(highs[place])) max = Math.max(max, highs[place]);
  }
  return { min, max, q05: at(0.05), q25: at(0.25), q75: at(0.75), q95: at(0.95) };
}

const FAR = 1e300;
const FLAT = 1e-9; // of the size of the values: what differs by less is drawn as level, since no tick could be told apart

/** To one digit, so that logarithmic ticks begin at a plain number. */
function round(value, way) {
  const power = 10 ** Math.floor(Math.log10(value));
  return way(value / power) * power;
}

/** The interval with some room; never so narrow, wide or near zero that ticks could not be counted through it. */
function margin(min, max, log) {
  if (min > max) return log ? [0.1, 1] : [0, 1];
  if (log) {
    const [low, high] = [Math.max(min, 1 / FAR), Math.min(max, FAR)];
    return high / low > 1 + FLAT ? [round(low / 1.05, Math.floor), round(high * 1.05, Math.ceil)] : [round(low / 2, Math.floor), round(high * 2, Math.ceil)];
  }
  const [low, high] = [Math.max(min, -FAR), Math.min(max, FAR)];
  const largest = Math.max(Math.abs(low), Math.abs(high));
  const pad = high - low > largest * FLAT ? (high - low) * 0.06 : Math.max(largest * 0.05, 1e-6);
  return [low - pad, high + pad];
}
