// The columns of the runs table: how each is sorted, grouped and drawn.

import { drawSpark } from "./spark.js";
import { h } from "./dom.js";
import { duration, integer, moment, plain, spec } from "./format.js";
import { shortNames } from "./labels.js";
import { bar, counts, eta, SEVERITIES, status, tags } from "./parts.js";
import { runAddress } from "./route.js";

const worst = (row) => SEVERITIES.reduce((sum, name) => sum * 1e4 + (row.alerts?.[name] ?? 0), 0);

/** @typedef {{id: string, title: string, width: number, number?: boolean, value: (row) => any, cell: (row, page) => any}} Column */

/** The columns of a table by their ids, the first `pins` of them kept in sight; without ids those that tell most. */
export function columns(telling, ids = null, pins = 0) {
  const chosen = ids ?? [...LEFT.map((column) => column.id), ...telling.map((key) => `config:${key}`), ...RIGHT.map((column) => column.id)];
  const keys = chosen.filter((id) => id.startsWith("config:")).map((id) => id.slice(7));
  const titles = new Map(keys.map((key, at) => [key, shortNames(keys)[at]]));
  const found = [...new Set(chosen)].map((id) => STANDARD.get(id) ?? (id.startsWith("config:") ? configColumn(id.slice(7), titles.get(id.slice(7))) : metricColumn(id))).filter(Boolean);
  return found.map((column, at) => ({ ...column, pinned: at < pins }));
}

const LEFT = [
  { id: "name", title: "Run", width: 262, value: (row) => row.name, cell: nameCell },
  { id: "status", title: "Status", width: 104, value: (row) => row.status, cell: (row) => status(row) },
  { id: "progress", title: "Progress", width: 150, value: (row) => row.progress, cell: progressCell },
  { id: "spark", title: "Loss curve", width: 124, value: (row) => row.loss?.last, cell: sparkCell },
  { id: "loss", title: "Best loss", width: 92, number: true, value: (row) => row.loss?.best ?? row.loss?.last, cell: (row) => lossText(row) },
  { id: "quality", title: "Quality", width: 78, number: true, value: (row) => row.quality, cell: (row) => spec(row.quality, ".3f"), down: true },
  { id: "alerts", title: "Alerts", width: 132, value: (row) => worst(row), cell: (row) => counts(row.alerts), down: true },
  { id: "started", title: "Started", width: 112, value: (row) => row.started, cell: (row) => moment(row.started), down: true },
  { id: "duration", title: "Time", width: 84, number: true, value: (row) => row.duration, cell: (row) => duration(row.duration) },
];

const RIGHT = [
  { id: "tags", title: "Tags", width: 150, value: (row) => (row.tags ?? []).join(" "), cell: (row, page) => tags(row.tags, page.onTag) },
  { id: "seed", title: "Seed", width: 64, number: true, value: (row) => row.seed, cell: (row) => plain(row.seed ?? undefined) },
];

const FURTHER = [
  { id: "host", title: "Host", width: 120, value: (row) => row.host, cell: (row) => plain(row.host) },
  { id: "model", title: "Model", width: 120, value: (row) => row.model, cell: (row) => plain(row.model).split(".").pop() },
  { id: "step", title: "Step", width: 84, number: true, value: (row) => row.step, cell: (row) => integer(row.step), down: true },
  { id: "epoch", title: "Epoch", width: 76, number: true, value: (row) => row.epoch, cell: (row) => plain(row.epoch ?? undefined), down: true },
  { id: "samples", title: "Samples", width: 84, number: true, value: (row) => row.samples, cell: (row) => plain(row.samples), down: true },
  { id: "notes", title: "Note", width: 220, value: (row) => row.notes, cell: (row) => h("span", { title: row.notes }, row.notes) },
];

/** All columns that are no setting and no scalar. */
export const STANDARD = new Map([...LEFT, ...RIGHT, ...FURTHER].map((column) => [column.id, column]));

/** `metric:val/loss/total.best`: a scalar's last, best, least, greatest or mean value. */
function metricColumn(id) {
  const match = /^metric:(.+)\.(last|best|min|max|mean)$/.exec(id);
  if (!match) return null;
  const [, name, which] = match;
  return {
    id,
    title: which === "last" ? name : `${name} ${which}`,
    key: `${name}, ${which} value`,
    width: Math.max(96, Math.min(190, (name.length + which.length) * 7 + 30)),
    number: true,
    value: (row) => row.metrics?.[name]?.[which],
    cell: (row, page) => spec(row.metrics?.[name]?.[which], page.names[name]?.format),
  };
}

function configColumn(key, title) {
  return {
    id: `config:${key}`,
    title,
    key,
    width: Math.max(84, Math.min(170, title.length * 8 + 34)),
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
