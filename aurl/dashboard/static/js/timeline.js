// Alerts over wall time: a lane for each type or run, a sign for each alert, a bar back to its onset where that is known.

import { colours, fade, severity } from "./colours.js";
import { h, sharp } from "./dom.js";
import { clock, day } from "./format.js";

const LANE = 26;
const MOST_LANES = 24;
const [TOP, FOOT] = [8, 26];

export class Timeline {
  /** @param {(alert) => void} onchoose */
  constructor(onchoose) {
    this.onchoose = onchoose;
    this.canvas = h("canvas", { tabIndex: 0, role: "img" });
    this.canvas.addEventListener("click", (event) => this.near(event, (alert) => onchoose(alert)));
    this.canvas.addEventListener("mousemove", (event) => this.point(event));
    this.element = h("div.timeline", {}, this.canvas);
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
    this.redraw = () => this.draw();
    document.addEventListener("aurl-colours", this.redraw);
    this.alerts = [];
  }

  show(alerts, by) {
    this.alerts = alerts;
    this.by = by;
    this.draw();
  }

  draw() {
    const width = this.element.clientWidth - 2;
    this.element.hidden = !this.alerts.length;
    if (width < 50 || !this.alerts.length) return;
    const laneOf = (alert) => (this.by === "run" ? String(alert.run_name ?? alert.run) : String(alert.type).replaceAll("_", " "));
    const counts = new Map();
    for (const alert of this.alerts) counts.set(laneOf(alert), (counts.get(laneOf(alert)) ?? 0) + 1);
    const lanes = [...counts].sort(([a, n], [b, m]) => m - n || a.localeCompare(b)).slice(0, MOST_LANES).map(([name]) => name);
    const height = TOP + FOOT + lanes.length * LANE;
    const context = sharp(this.canvas, width, height);
    const left = width < 560 ? 108 : 190;
    const times = this.alerts.map((alert) => alert.time);
    const [first, last] = [Math.min(...times), Math.max(...times)];
    const pad = Math.max(0.05, (last - first) * 0.02);
    const x = (time) => left + ((time - first + pad) / (last - first + 2 * pad)) * (width - left - 14);
    this.frame(context, lanes, { width, height, left }, counts);
    this.ticks(context, x, first, last, height);
    this.places = [];
    for (const alert of [...this.alerts].reverse()) {
      const lane = lanes.indexOf(laneOf(alert));
      if (lane < 0) continue;
      const [px, py] = [x(alert.time), TOP + lane * LANE + LANE / 2];
      sign(context, alert.severity, px, py);
      this.places.push([px, py, alert]);
    }
    this.canvas.setAttribute("aria-label", `Time line of ${this.alerts.length} alerts: ${lanes.map((name) => `${counts.get(name)} ${name}`).join(", ")}. The same alerts are listed below`);
  }

  frame(context, lanes, { width, height, left }, counts) {
    context.clearRect(0, 0, width, height);
    context.font = "12px sans-serif";
    context.textBaseline = "middle";
    lanes.forEach((name, at) => {
      const y = TOP + at * LANE + LANE / 2;
      context.fillStyle = colours.rule;
      context.fillRect(left, Math.round(y), width - left - 10, 1);
      context.fillStyle = colours.soft;
      context.textAlign = "left";
      context.fillText(clipped(context, `${name} (${counts.get(name)})`, left - 20), 14, y);
    });
  }

  ticks(context, x, first, last, height) {
    const wide = last - first > 172_800;
    context.fillStyle = colours.faint;
    context.font = "11px sans-serif";
    context.textAlign = "center";
    const parts = last > first ? (this.element.clientWidth < 560 ? 2 : 4) : 0;
    for (let at = 0; at <= parts; at += 1) {
      const time = first + ((last - first) * at) / Math.max(1, parts);
      context.fillText(wide ? day(time) : clock(time).slice(0, last - first < 600 ? 8 : 5), Math.min(x(time), x(last) - 12), height - 11);
    }
  }

  near(event, act) {
    const box = this.canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let found = null;
    let least = 12;
    for (const [x, y, alert] of this.places ?? []) {
      const distance = Math.hypot(x - px, y - py);
      if (distance < least) [least, found] = [distance, alert];
    }
    if (found) act(found);
    return found;
  }

  point(event) {
    const found = this.near(event, () => {});
    this.canvas.style.setProperty("cursor", found ? "pointer" : "default");
    this.canvas.title = found ? `${found.run_name}, step ${found.step}: ${found.message}` : "";
  }

  leave() {
    this.observer.disconnect();
    document.removeEventListener("aurl-colours", this.redraw);
  }
}

/** A shape for each severity, so that colour is not all there is. */
function sign(context, name, x, y) {
  const size = 5.5;
  context.fillStyle = fade(severity(name), 0.85);
  context.beginPath();
  if (name === "info") context.arc(x, y, size - 1, 0, 7);
  else {
    const corners = { warning: 3, critical: 4, fatal: 6 }[name] ?? 3;
    for (let at = 0; at < corners; at += 1) {
      const angle = (2 * Math.PI * at) / corners - Math.PI / 2;
      context.lineTo(x + size * Math.cos(angle), y + size * Math.sin(angle));
    }
  }
  context.fill();
  context.strokeStyle = colours.panel;
  context.lineWidth = 0.8;
  context.stroke();
}

function clipped(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let short = text;
  while (short.length > 3 && context.measureText(`${short}\u2026`).width > width) short = short.slice(0, -1);
  return `${short}\u2026`;
}
