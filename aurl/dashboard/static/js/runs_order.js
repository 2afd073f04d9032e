// Sorting and grouping of rows.

import { plain, short, spec } from "./format.js";

/** Rows by a column; rows without a value come last, whichever way. */
export function sorted(rows, column, down) {
  const known = [];
  const unknown = [];
  for (const row of rows) {
    const value = column.value(row);
    (value === null || value === undefined || value === "" ? unknown : known).push([value, row]);
  }
  const sign = down ? -1 : 1;
  known.sort(([a], [b]) => sign * compare(a, b));
  return [...known, ...unknown].map(([, row]) => row);
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

export function groupings(varying) {
  return [
    ["", "nothing"],
    ["group", "setting (seeds together)"],
    ["status", "status"],
    ["model", "model"],
    ["tags", "tags"],
    ...varying.map((key) => [`config:${key}`, short(key)]),
  ];
}

function groupKey(row, by) {
  if (by.startsWith("config:")) return plain(row.config?.[by.slice(7)]) || "not set";
  if (by === "tags") return (row.tags ?? []).join(", ") || "no tags";
  return plain(row[by] ?? undefined) || "not known";
}

function label(rows, by, key, varying) {
  if (by !== "group") return `${by.startsWith("config:") ? short(by.slice(7)) : by} ${key}`;
  const config = rows[0].config ?? {};
  const differing = varying.filter((each) => each !== "seed" && config[each] !== undefined).slice(0, 4);
  return differing.map((each) => `${short(each)} ${plain(config[each]).split(".").pop()}`).join(", ") || rows[0].name;
}

/** Items of the table: a head and, unless it is folded, the rows of each group. */
export function grouped(rows, by, folded, varying) {
  if (!by) return rows.map((row) => ({ row }));
  const groups = new Map();
  for (const row of rows) {
    const key = groupKey(row, by);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(row);
  }
  return [...groups].flatMap(([key, members]) => [
    { group: key, label: label(members, by, key, varying), members, facts: facts(members) },
    ...(folded.has(key) ? [] : members.map((row) => ({ row }))),
  ]);
}

/** `3 runs, best loss 2.41 ± 0.05, quality 0.31` */
function facts(rows) {
  const parts = [`${rows.length} ${rows.length === 1 ? "run" : "runs"}`];
  const losses = rows.map((row) => row.loss?.best).filter(Number.isFinite);
  const qualities = rows.map((row) => row.quality).filter(Number.isFinite);
  if (losses.length) parts.push(`best loss ${spread(losses, ".4g")}`);
  if (qualities.length) parts.push(`quality ${spread(qualities, ".3f")}`);
  return parts.join(", ");
}

function spread(values, format) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return spec(mean, format);
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
  return `${spec(mean, format)} \u00b1 ${spec(deviation, ".2g")}`;
}
