// The axes of a chart: their ends, and what stands at their ticks.

import { clock, day, duration, tick, ticks } from "./format.js";

/** The interval of an axis that these ends ask for; never empty. */
export function abscissa(min, max, log) {
  if (!(max - min > Math.max(1e-9, Math.abs(max) * 1e-12))) return log ? [min > 0 ? min / 2 : 0.5, min > 0 ? min * 2 : 2] : [min - 0.5, min + 0.5];
  return log ? [Math.max(min, max / 1e9, 1e-9, min <= 0 ? Math.min(1, max / 2) : min), max] : [min, max];
}

export const xTicks = (places, view) => (view.x === "relative" || view.x === "time" ? places.map((value) => xTick(value, view)) : ticks(places));

export function xTick(value, view, exact = false) {
  if (value === null || value === undefined) return "";
  if (view.x === "relative") return duration(value) || "0s";
  if (view.x === "time") return view.range[1] - view.range[0] > 172_800 ? day(value) : exact ? clock(value) : clock(value).slice(0, view.range[1] - view.range[0] < 600 ? 8 : 5);
  if (view.x === "epoch") return `${exact ? "epoch " : ""}${tick(value)}`;
  return exact ? `step ${value}` : tick(value);
}

export const yTicks = (places, about) => (about.format?.endsWith("%") ? ticks(places.map((value) => (value === null ? null : value * 100))).map((text) => text && `${text}%`) : ticks(places));
