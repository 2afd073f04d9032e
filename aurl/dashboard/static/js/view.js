// What all charts of a page have in common: abscissa, smoothing, scales, the stretch that is looked at.

import { remember } from "./route.js";

export const AXES = { step: "step", epoch: "epoch", time: "time of day", relative: "time since the start" };

export class View {
  constructor(parameters) {
    const number = (name, otherwise) => (parameters.has(name) && Number.isFinite(Number(parameters.get(name))) ? Number(parameters.get(name)) : otherwise);
    this.x = parameters.get("x") in AXES ? parameters.get("x") : "step";
    this.smooth = Math.min(0.999, Math.max(0, number("smooth", 0.6)));
    this.logX = parameters.get("logx") === "1";
    this.logY = parameters.get("logy") === "1";
    this.calm = parameters.get("calm") !== "0"; // outliers do not flatten the rest; marks tell where they are
    this.from = number("from", null);
    this.to = number("to", null);
    this.extent = null; // [low, high] of all curves that were loaded whole
    this.listeners = new Set();
  }

  get zoomed() {
    return this.from !== null || this.to !== null;
  }

  /** The stretch shown. */
  get range() {
    const [low, high] = this.extent ?? [0, 1];
    return [this.from ?? low, this.to ?? high];
  }

  /** Take in the extent of a curve; whether that changed anything. */
  widen(low, high) {
    if (!Number.isFinite(low) || !Number.isFinite(high)) return false;
    const before = this.extent;
    this.extent = before ? [Math.min(before[0], low), Math.max(before[1], high)] : [low, high];
    return !before || before[0] !== this.extent[0] || before[1] !== this.extent[1];
  }

  /** Tell charts that are there already that the extent has grown. */
  grown() {
    for (const listener of this.listeners) listener("grown");
  }

  /** Change settings; `why` tells the charts how much to do, see `Chart.changed`. */
  set(changes, why) {
    Object.assign(this, changes);
    if ("x" in changes) Object.assign(this, { from: null, to: null, extent: null });
    remember({
      x: this.x === "step" ? "" : this.x,
      smooth: this.smooth === 0.6 ? "" : String(this.smooth),
      logx: this.logX ? "1" : "",
      logy: this.logY ? "1" : "",
      calm: this.calm ? "" : "0",
      from: this.from === null ? "" : String(this.from),
      to: this.to === null ? "" : String(this.to),
    });
    for (const listener of this.listeners) listener(why);
  }

  zoom(low, high) {
    const [first, last] = this.extent ?? [low, high];
    const slack = (last - first) * 1e-6;
    const whole = low <= first + slack && high >= last - slack;
    const next = whole ? { from: null, to: null } : { from: low, to: high };
    if (next.from === this.from && next.to === this.to) return;
    this.set(next, "zoom");
  }
}
