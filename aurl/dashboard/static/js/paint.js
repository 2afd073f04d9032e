// Lines, bands and signs on a chart's canvas. Coordinates are canvas pixels; u is the uPlot instance.

import { colours, fade } from "./colours.js";

/** First index whose value is at least `wanted`. */
export function lower(values, wanted) {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function nearest(values, wanted) {
  const at = lower(values, wanted);
  if (at === 0) return values.length ? 0 : -1;
  if (at === values.length) return at - 1;
  return wanted - values[at - 1] <= values[at] - wanted ? at - 1 : at;
}

const CROWD = 16;

export function paint(u, curves, ratio) {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  const crowded = curves.length > CROWD;
  ctx.lineJoin = crowded ? "bevel" : "round";
  for (const curve of curves) if (curve.low) band(u, curve);
  for (const curve of curves) if (curve.smooth && !crowded) line(u, curve.x, curve.y, { colour: fade(curve.colour, 0.26), width: ratio, dash: [] });
  for (const curve of curves) {
    const values = curve.smooth ?? curve.y;
    if (curve.cloud) {
      points(u, curve, curve.y, ratio); // several values a step, as of samples: no line leads from one to the next
      continue;
    }
    const thin = crowded && !curve.lit; // dashes and joins of a hundred lines take seconds without a GPU, and tell nobody apart
    line(u, curve.x, values, { colour: curve.colour, width: thin ? 1 : (curve.lit ? 2.6 : 1.5) * ratio, dash: thin ? [] : curve.dash.map((part) => part * ratio) });
    if (curve.x.length <= 40) points(u, curve, values, ratio);
  }
  for (const curve of curves) signs(u, curve, ratio);
  ctx.restore();
}

function line(u, x, y, { colour, width, dash }) {
  const { ctx } = u;
  const scale = u.scales.x;
  const first = Math.max(0, lower(x, scale.min) - 1);
  const last = Math.min(x.length, lower(x, scale.max) + 1);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
  ctx.beginPath();
  for (let at = first; at < last; at += 1) {
    const value = y[at];
    if (!Number.isFinite(value) || (u.scales.y.distr === 3 && value <= 0) || (scale.distr === 3 && x[at] <= 0)) continue;
    ctx.lineTo(u.valToPos(x[at], "x", true), u.valToPos(value, "y", true));
  }
  ctx.stroke();
  ctx.setLineDash([]);
}

/** Few points are drawn as such: a curve of two evaluations must not look like a measured line. */
function points(u, curve, values, ratio) {
  const { ctx } = u;
  ctx.fillStyle = curve.colour;
  for (let at = 0; at < curve.x.length; at += 1) {
    if (!Number.isFinite(values[at]) || (u.scales.y.distr === 3 && values[at] <= 0)) continue;
    ctx.beginPath();
    ctx.arc(u.valToPos(curve.x[at], "x", true), u.valToPos(values[at], "y", true), 2.4 * ratio, 0, 7);
    ctx.fill();
  }
}

function band(u, curve) {
  const { ctx } = u;
  const there = [];
  for (let at = 0; at < curve.x.length; at += 1) {
    if (Number.isFinite(curve.low[at]) && Number.isFinite(curve.high[at])) there.push(at);
  }
  const place = (at, values) => [u.valToPos(curve.x[at], "x", true), u.valToPos(u.scales.y.distr === 3 ? Math.max(values[at], u.scales.y.min) : values[at], "y", true)];
  ctx.fillStyle = fade(curve.colour, 0.18);
  ctx.beginPath();
  for (const at of there) ctx.lineTo(...place(at, curve.high));
  for (const at of there.reverse()) ctx.lineTo(...place(at, curve.low));
  ctx.fill();
}

/** NaN as a cross at the foot, infinities as arrows at the edge that they left by. */
function signs(u, curve, ratio) {
  const { ctx } = u;
  const { top, height } = u.bbox;
  const size = 3.2 * ratio;
  ctx.strokeStyle = colours.critical;
  ctx.lineWidth = 1.4 * ratio;
  for (const [x, , kind] of curve.nonfinite ?? []) {
    const px = u.valToPos(x, "x", true);
    const py = kind === "Infinity" ? top + 2 * size : top + height - 2 * size;
    ctx.beginPath();
    if (kind === "NaN") {
      ctx.moveTo(px - size, py - size);
      ctx.lineTo(px + size, py + size);
      ctx.moveTo(px + size, py - size);
      ctx.lineTo(px - size, py + size);
    } else {
      const way = kind === "Infinity" ? -1 : 1;
      ctx.moveTo(px - size, py - way * size);
      ctx.lineTo(px, py + way * size);
      ctx.lineTo(px + size, py - way * size);
    }
    ctx.stroke();
  }
}

/** The interval of values in sight, with a margin; `calm` leaves out the outermost hundredth at each end. */
export function ordinate(curves, low, high, { log, calm }) {
  let [min, max] = [Infinity, -Infinity];
  const seen = [];
  const take = (value) => {
    if (!Number.isFinite(value) || (log && value <= 0)) return;
    if (calm) seen.push(value);
    if (value < min) min = value;
    if (value > max) max = value;
  };
  for (const { x, y, low: lows, high: highs } of curves) {
    const last = lower(x, high + Math.abs(high) * 1e-12);
    for (let at = lower(x, low); at < last || (at < x.length && x[at] <= high); at += 1) {
      take(y[at]);
      if (lows) take(lows[at]);
      if (highs) take(highs[at]);
    }
  }
  if (calm && seen.length > 20) {
    seen.sort((a, b) => a - b);
    [min, max] = [seen[Math.floor(seen.length * 0.01)], seen[Math.ceil(seen.length * 0.99) - 1]];
  }
  return margin(min, max, log);
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
  const size = Math.max(Math.abs(low), Math.abs(high));
  const pad = high - low > size * FLAT ? (high - low) * 0.06 : Math.max(size * 0.05, 1e-6);
  return [low - pad, high + pad];
}
