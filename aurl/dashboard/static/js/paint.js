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

/** Draws curves; returns how many go beyond the chart, and how far. `ctx`: the chart's own canvas, or one above it. */
export function paint(u, curves, ratio, ctx = u.ctx) {
  const { left, top, width, height } = u.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  const crowded = curves.length > CROWD;
  ctx.lineJoin = crowded ? "bevel" : "round";
  for (const curve of curves) if (curve.low) band(ctx, u, curve);
  for (const curve of curves) if (curve.smooth && !crowded) line(ctx, u, curve.x, curve.y, { colour: fade(curve.colour, 0.26), width: ratio, dash: [] });
  for (const curve of curves) {
    const values = curve.smooth ?? curve.y;
    if (curve.cloud) {
      points(ctx, u, curve, curve.y, ratio); // several values a step, as of samples: no line leads from one to the next
      continue;
    }
    const thin = crowded && !curve.lit; // dashes and joins of a hundred lines take seconds without a GPU, and tell nobody apart
    line(ctx, u, curve.x, values, { colour: curve.colour, width: thin ? 1 : (curve.lit ? 2.6 : 1.5) * ratio, dash: thin ? [] : curve.dash.map((part) => part * ratio) });
    if (curve.x.length <= 40) points(ctx, u, curve, values, ratio);
  }
  for (const curve of curves) signs(ctx, u, curve, ratio);
  const found = beyond(ctx, u, curves, ratio);
  ctx.restore();
  return found;
}

function line(ctx, u, x, y, { colour, width, dash }) {
  const scale = u.scales.x;
  const first = Math.max(0, lower(x, scale.min) - 1);
  const last = Math.min(x.length, lower(x, scale.max) + 1);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
  ctx.beginPath();
  const [left, up] = [place(u, "x"), place(u, "y")];
  for (let at = first; at < last; at += 1) {
    const value = y[at];
    if (!Number.isFinite(value) || (u.scales.y.distr === 3 && value <= 0) || (scale.distr === 3 && x[at] <= 0)) continue;
    ctx.lineTo(left(x[at]), up(value));
  }
  ctx.stroke();
  ctx.setLineDash([]);
}

/** From values of a scale to canvas pixels; uPlot's own conversion looks everything up again for each value. */
function place(u, name) {
  const { min, max, distr } = u.scales[name];
  if (distr === 3) return (value) => u.valToPos(value, name, true);
  const [start, end] = [u.valToPos(min, name, true), u.valToPos(max, name, true)];
  const pixels = (end - start) / (max - min);
  return (value) => start + (value - min) * pixels;
}

/** Few points are drawn as such: a curve of two evaluations must not look like a measured line. */
function points(ctx, u, curve, values, ratio) {
  ctx.fillStyle = curve.colour;
  for (let at = 0; at < curve.x.length; at += 1) {
    if (!Number.isFinite(values[at]) || (u.scales.y.distr === 3 && values[at] <= 0)) continue;
    ctx.beginPath();
    ctx.arc(u.valToPos(curve.x[at], "x", true), u.valToPos(values[at], "y", true), 2.4 * ratio, 0, 7);
    ctx.fill();
  }
}

function band(ctx, u, curve) {
  const there = [];
  for (let at = 0; at < curve.x.length; at += 1) {
    if (Number.isFinite(curve.low[at]) && Number.isFinite(curve.high[at])) there.push(at);
  }
  const corner = (at, values) => [u.valToPos(curve.x[at], "x", true), u.valToPos(u.scales.y.distr === 3 ? Math.max(values[at], u.scales.y.min) : values[at], "y", true)];
  ctx.fillStyle = fade(curve.colour, 0.18);
  ctx.beginPath();
  for (const at of there) ctx.lineTo(...corner(at, curve.high));
  for (const at of there.reverse()) ctx.lineTo(...corner(at, curve.low));
  ctx.fill();
}

/** NaN as a cross at the foot, infinities as arrows at the edge that they left by. */
function signs(ctx, u, curve, ratio) {
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

const MOST_BEYOND = 60;

/** Marks at the edge by which a curve leaves the chart, at the farthest point of each stretch; returns what they stand for. */
function beyond(ctx, u, curves, ratio) {
  const { top, height } = u.bbox;
  const { min, max } = u.scales.y;
  const found = { curves: 0, low: Infinity, high: -Infinity };
  let drawn = 0;
  for (const curve of curves) {
    const before = drawn;
    for (const at of outside(curve, u.scales.x, min, max)) {
      const value = curve.y[at];
      const up = value > max;
      if (up) found.high = Math.max(found.high, value);
      else found.low = Math.min(found.low, value);
      if (drawn++ < MOST_BEYOND) arrow(ctx, u.valToPos(curve.x[at], "x", true), up ? top : top + height, up ? 1 : -1, { colour: curve.colour, size: 4.5 * ratio });
    }
    if (drawn > before) found.curves += 1;
  }
  return found;
}

/** The index of the farthest point of each stretch in which the curve lies outside. */
function outside({ x, y }, scale, min, max) {
  const found = [];
  let best = -1;
  const away = (value) => (value > max ? value - max : value < min ? min - value : 0);
  for (let at = lower(x, scale.min); at < x.length && x[at] <= scale.max; at += 1) {
    if (away(y[at]) > 0) best = best < 0 || away(y[at]) > away(y[best]) ? at : best;
    else if (best >= 0) {
      found.push(best);
      best = -1;
    }
  }
  return best >= 0 ? [...found, best] : found;
}

function arrow(ctx, x, edge, way, { colour, size }) {
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.moveTo(x, edge);
  ctx.lineTo(x - size, edge + way * 1.5 * size);
  ctx.lineTo(x + size, edge + way * 1.5 * size);
  ctx.fill();
}
