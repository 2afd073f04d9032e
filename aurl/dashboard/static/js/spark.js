// The small curves of the runs page, asked for in groups, for visible rows only.

import { get } from "./api.js";
import { colours } from "./colours.js";
import { sharp } from "./dom.js";
import { shown } from "./format.js";

const WIDTH = 104;
const HEIGHT = 26;
const AT_ONCE = 60;
const AGAIN = 2000;

export class Sparks {
  /** @param {() => void} ondata called when new curves are there to be drawn */
  constructor(ondata) {
    this.ondata = ondata;
    this.known = new Map(); // key -> {spark, step, at}
    this.waiting = new Map();
    this.timer = 0;
  }

  /** The curve of a row if it is known; asks for it where it is not, or is old. */
  of(row) {
    const known = this.known.get(row.key);
    const old = !known || (known.step !== row.step && Date.now() - known.at > AGAIN);
    if (old && row.status !== "unreadable") {
      this.waiting.set(row.key, row.step);
      if (!this.timer) this.timer = setTimeout(() => this.ask(), 60);
    }
    return known?.spark;
  }

  async ask() {
    const batch = [...this.waiting].slice(0, AT_ONCE);
    for (const [key] of batch) this.waiting.delete(key);
    try {
      const { sparks } = await get("/api/sparks", { run: batch.map(([key]) => key) });
      for (const [key, step] of batch) this.known.set(key, { spark: sparks[key] ?? null, step, at: Date.now() });
      this.ondata();
    } catch {
      for (const [key, step] of batch) this.known.set(key, { spark: null, step, at: Date.now() });
    }
    this.timer = this.waiting.size ? setTimeout(() => this.ask(), 0) : 0;
  }
}

export function drawSpark(canvas, spark, names = {}) {
  const context = sharp(canvas, WIDTH, HEIGHT);
  const points = spark ? spark.x.map((x, at) => [x, spark.y[at]]).filter(([, y]) => Number.isFinite(y)) : [];
  if (points.length < 2) return;
  const ys = points.map(([, y]) => y);
  const [left, right] = [points[0][0], points[points.length - 1][0]];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const place = ([x, y]) => [2 + ((x - left) / (right - left || 1)) * (WIDTH - 6), HEIGHT - 3 - ((y - low) / (high - low || 1)) * (HEIGHT - 6)];
  context.strokeStyle = colours.line[0];
  context.lineWidth = 1.3;
  context.lineJoin = "round";
  context.beginPath();
  for (const point of points) context.lineTo(...place(point));
  context.stroke();
  context.fillStyle = colours.line[0];
  context.beginPath();
  context.arc(...place(points[points.length - 1]), 2, 0, 7);
  context.fill();
  const about = names[spark.metric] ?? {};
  canvas.setAttribute("aria-label", `${spark.metric} from ${shown(ys[0], about)} to ${shown(ys[ys.length - 1], about)}`);
}
