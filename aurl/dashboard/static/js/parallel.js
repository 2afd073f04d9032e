// Parallel coordinates: an upright line for each setting and for the outcome, a path for each run.

import { h, svg } from "./dom.js";
import { plain, short, spec } from "./format.js";
import { nothing } from "./parts.js";
import { runAddress } from "./route.js";

const HEIGHT = 250;
const [TOP, BOTTOM] = [38, 26];
const MOST_AXES = 12;

export function parallel({ axes, lines }, rows, looks) {
  const telling = axes.filter(({ key }, at) => key !== "seed" && new Set(lines.map((line) => line.values[at]).filter((value) => value !== null && value !== undefined).map(plain)).size > 1);
  const shown = telling.slice(0, MOST_AXES);
  const places = shown.map((each) => axes.indexOf(each));
  const outcomes = lines.map((line) => line.metric).filter(Number.isFinite);
  if (!shown.length || !outcomes.length) return nothing("The runs differ in no setting, or have no outcome yet.");
  const metric = { key: "outcome", kind: "number", values: [Math.min(...outcomes), Math.max(...outcomes)] };
  const scales = [...shown, metric].map(scaleOf);
  const width = Math.max(560, scales.length * 150, Math.min(1100, window.innerWidth - 90));
  const x = (at) => 70 + (at * (width - 140)) / Math.max(1, scales.length - 1);
  const names = new Map(rows.map((row) => [row.key, row]));
  const told = h("p.quiet-text", { role: "status" }, "Each path is a run; its colour is that of its curves above. Tab through them, or point at one.");
  const picture = svg("svg", { width, height: HEIGHT, role: "group", "aria-label": "Parallel coordinates" },
    lines.map((line) => path({ ...line, values: places.map((at) => line.values[at]) }, shown, scales, x, { row: names.get(line.run), look: looks.get(line.run), told })),
    scales.map((scale, at) => axis(scale, x(at), at === scales.length - 1)));
  return [h("div.parallel", { tabIndex: 0, role: "region", "aria-label": "Settings and outcome" }, picture), told];
}

function scaleOf({ key, kind, values }) {
  const place = (share) => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
  if (kind === "category") {
    const word = (value) => (value === null || value === undefined ? "not set" : plain(value));
    const known = [...new Set(values.map(word))];
    return { key, of: (value) => (known.includes(word(value)) ? place(known.length === 1 ? 0.5 : known.indexOf(word(value)) / (known.length - 1)) : null), ticks: known.slice(0, 12).map((each) => [each, place(known.length === 1 ? 0.5 : known.indexOf(each) / (known.length - 1))]) };
  }
  const bend = kind === "log" ? Math.log10 : (value) => value;
  const finite = values.filter((value) => Number.isFinite(value) && (kind !== "log" || value > 0));
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const of = (value) => (Number.isFinite(value) && (kind !== "log" || value > 0) ? place(high > low ? (bend(value) - bend(low)) / (bend(high) - bend(low)) : 0.5) : null);
  const middle = kind === "log" ? Math.sqrt(low * high) : (low + high) / 2;
  return { key, of, ticks: (high > low ? [low, middle, high] : [low]).map((value) => [spec(value, ".3g"), of(value)]) };
}

function path(line, axes, scales, x, { row, look, told }) {
  const values = [...axes.map((_, at) => line.values[at]), line.metric];
  const points = scales.flatMap((scale, at) => (scale.of(values[at]) === null ? [] : [[x(at), scale.of(values[at])]]));
  if (points.length < 2 || !look) return null;
  let d = `M${points[0].join(" ")}`;
  for (let at = 1; at < points.length; at += 1) {
    const middle = (points[at - 1][0] + points[at][0]) / 2;
    d += ` C${middle} ${points[at - 1][1]} ${middle} ${points[at][1]} ${points[at].join(" ")}`;
  }
  const said = `${row?.name ?? line.run} ${row?.id ?? ""}: ${axes.map((each, at) => `${short(each.key)} ${plain(line.values[at])}`).join(", ")}, outcome ${spec(line.metric, ".4g")}`;
  const say = () => (told.textContent = said);
  const go = () => (location.hash = runAddress(line.run));
  return svg("path", { d, "data-run": line.run, stroke: look.colour, "stroke-dasharray": look.dash.join(" ") || null, tabindex: 0, role: "link", "aria-label": said, onfocus: say, onmouseenter: say, onclick: go, onkeydown: (event) => event.key === "Enter" && go() });
}

function axis({ key, ticks }, at, last) {
  const brief = (text) => (key.endsWith("_target_") ? String(text).split(".").pop() : String(text)).slice(0, 18);
  return svg("g", {}, svg("line", { x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM }),
    svg("text", { x: at, y: 18, "text-anchor": "middle", class: "key" }, short(key)),
    ticks.map(([text, y]) => svg("text", { x: at + (last ? 6 : -6), y: y + 4, "text-anchor": last ? "start" : "end" }, brief(text))));
}
