// The columns of the runs table: how each is sorted, grouped and drawn.

import { drawSpark } from "./spark.js";
import { h } from "./dom.js";
import { duration, integer, moment, plain, short, spec } from "./format.js";
import { bar, counts, eta, SEVERITIES, status, tags } from "./parts.js";
import { runAddress } from "./route.js";

const worst = (row) => SEVERITIES.reduce((sum, name) => sum * 1e4 + (row.alerts?.[name] ?? 0), 0);

/** @typedef {{id: string, title: string, width: number, number?: boolean, value: (row) => any, cell: (row, page) => any}} Column */

/** The fixed columns, and one for each config key that differs between runs. */
export function columns(varying) {
  return [...LEFT, ...varying.map(configColumn), ...RIGHT];
}

/** Keys that every run has come first: they were chosen, others follow from the choice of a part. */
export function telling(varying, rows) {
  const share = (key) => rows.reduce((count, row) => count + (row.config?.[key] !== undefined), 0);
  return [...varying].sort((a, b) => share(b) - share(a));
}

const LEFT = [
  { id: "name", title: "Run", width: 262, value: (row) => row.name, cell: nameCell },
  { id: "status", title: "Status", width: 104, value: (row) => row.status, cell: (row) => status(row) },
  { id: "progress", title: "Progress", width: 150, value: (row) => row.progress, cell: progressCell },
  { id: "spark", title: "Loss curve", width: 124, value: (row) => row.loss?.last, cell: sparkCell },
  { id: "loss", title: "Best loss", width: 92, number: true, value: (row) => row.loss?.best ?? row.loss?.last, cell: (row) => lossText(row) },
  { id: "quality", title: "Quality", width: 78, number: true, value: (row) => row.quality, cell: (row) => spec(row.quality, ".3f"), down: true },
  { id: "alerts", title: "Alerts", width: 92, value: (row) => worst(row), cell: (row) => counts(row.alerts), down: true },
  { id: "started", title: "Started", width: 112, value: (row) => row.started, cell: (row) => moment(row.started), down: true },
  { id: "duration", title: "Time", width: 84, number: true, value: (row) => row.duration, cell: (row) => duration(row.duration) },
];

const RIGHT = [
  { id: "tags", title: "Tags", width: 150, value: (row) => (row.tags ?? []).join(" "), cell: (row, page) => tags(row.tags, page.onTag) },
  { id: "seed", title: "Seed", width: 64, number: true, value: (row) => row.seed, cell: (row) => plain(row.seed ?? undefined) },
];

function configColumn(key) {
  return {
    id: `config:${key}`,
    title: short(key),
    key,
    width: Math.max(84, Math.min(170, short(key).length * 8 + 34)),
    value: (row) => row.config?.[key],
    cell: (row) => {
      const value = row.config?.[key];
      return key.endsWith("_target_") && typeof value === "string" ? value.slice(value.lastIndexOf(".") + 1) : plain(value);
    },
  };
}

function lossText(row) {
  return row.loss?.metric ? spec(row.loss.best ?? row.loss.last, ".4g") : "";
}

function nameCell(row) {
  return [
    row.star && h("span.star", { title: "starred" }, "\u2605 "),
    h("a.name", { href: runAddress(row.key), title: row.notes ? `${row.path}\n\n${row.notes}` : row.path, data: { focus: "name" } }, row.name || row.id),
    row.id !== row.name && h("span.id", {}, row.id),
  ];
}

function progressCell(row) {
  const of = row.steps ? `${integer(row.step)} of ${integer(row.steps)}` : plain(row.step ?? undefined);
  const remaining = eta(row);
  const text = remaining ? `${Math.round((row.progress ?? 0) * 100)}%, ${remaining.replace(/ \(.*/, "")} left` : of;
  return h("div.progress", { title: remaining ? `${of} steps, ETA ${remaining}` : `${of} steps` }, bar(row), h("span", {}, text));
}

function sparkCell(row, page) {
  const canvas = h("canvas.spark", { role: "img", "aria-label": "no curve yet" });
  drawSpark(canvas, page.sparks.of(row), page.names);
  return canvas;
}

/** One cell for narrow screens: everything that matters about a run. */
export function card(row, page) {
  return [
    h("div.card-top", {}, page.checkbox(row), row.star && h("span.star", {}, "\u2605"), h("a.name", { href: runAddress(row.key), data: { focus: "name" } }, row.name || row.id), row.id !== row.name && h("span.id", {}, row.id), h("span.push", {}, status(row))),
    h("div.card-mid", {}, sparkCell(row, page), bar(row)),
    h("div.card-low", {},
      h("span", {}, "loss ", h("b", {}, lossText(row) || "-")),
      row.quality !== null && h("span", {}, "quality ", h("b", {}, spec(row.quality, ".3f"))),
      counts(row.alerts),
      h("span.push", {}, eta(row).replace(/ \(.*/, "") || moment(row.started))),
  ];
}
