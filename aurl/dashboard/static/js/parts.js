// Small things that several pages show: status, progress, severities, alerts in words.

import { h } from "./dom.js";
import { duration, plain, plural, spec } from "./format.js";
import { runAddress } from "./route.js";

const SIGNS = { running: "\u25b6", done: "\u2713", failed: "\u2715", crashed: "\u2715", stopped: "\u25a0", preempted: "\u2016", unreadable: "?", pending: "\u2026" };
export const SEVERITIES = ["fatal", "critical", "warning", "info"];
const SHAPES = { info: "\u25cf", warning: "\u25b2", critical: "\u25c6", fatal: "\u2b22" };

/** A status by sign and word, not by colour alone. */
export function status(row) {
  const word = row.stalled && row.status === "running" ? "stalled" : row.status;
  return h("span.status", { data: { status: row.status }, title: row.error || row.message || word }, h("i", { "aria-hidden": "true" }, SIGNS[row.status] ?? "?"), word);
}

/** The name of a run and, where it differs, its id, in full. */
export const runName = (row) => (row.id === row.name || !row.name ? row.id : `${row.name} \u00b7 ${row.id}`);

export function bar(row) {
  const share = row.progress ?? (row.status === "done" ? 1 : 0);
  return h(
    "div.bar",
    { role: "progressbar", "aria-valuenow": Math.round(share * 100), "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": "Progress", data: { status: row.status } },
    h("i", { style: { width: `${Math.max(0, Math.min(1, share)) * 100}%` } }),
  );
}

/** `2h 15min (2h-2h 40min)` */
export function eta(row) {
  if (row.status !== "running" || row.eta === null || row.eta === undefined) return "";
  const [low, high] = [duration(row.eta_low), duration(row.eta_high)];
  return duration(row.eta) + (low && high && low !== high ? ` (${low} to ${high})` : "");
}

export function severity(name, text = name) {
  return h("span.severity", { data: { severity: name } }, h("span", { "aria-hidden": "true" }, SHAPES[name] ?? SHAPES.warning), text);
}

/** How many alerts of each severity; those that are none are left out. */
export function counts(alerts) {
  const parts = SEVERITIES.filter((name) => alerts?.[name]).map((name) =>
    h("span", { title: `${alerts[name]} ${name}` }, severity(name, String(alerts[name])), h("span.unseen", {}, ` ${name}`)),
  );
  return parts.length > 0 && h("span.counts", {}, parts);
}

export function tags(list, onclick) {
  return (Array.isArray(list) ? list : []).map((tag) =>
    onclick ? h("button.tag", { type: "button", title: `Only runs tagged ${tag}`, onclick: () => onclick(String(tag)) }, String(tag)) : h("span.tag", { title: String(tag) }, String(tag)),
  );
}

/** What is known of an alert: value, expectation, message, cause, suggestions. */
export function alertBody(alert) {
  const [low, high] = Array.isArray(alert.expected) ? alert.expected : [null, null];
  const range = low === null && high === null ? "" : low === null ? `at most ${spec(high)}` : high === null ? `at least ${spec(low)}` : `${spec(low)} to ${spec(high)}`;
  const value = alert.value === null || alert.value === undefined ? "" : `${alert.metric ?? "value"} = ${plain(alert.value)}${range ? `, expected ${range}` : ""}`;
  const suggestions = Array.isArray(alert.suggestions) ? alert.suggestions : [];
  return [
    h("p", {}, String(alert.message ?? "")),
    value && h("p.quiet-text", {}, value),
    alert.cause && h("p", {}, h("strong", {}, "Cause: "), String(alert.cause)),
    suggestions.length > 0 && h("div", {}, h("strong", {}, "Try"), h("ul", {}, suggestions.map((each) => h("li", {}, plain(each))))),
  ];
}

export function alertHead(alert, withRun = false) {
  const since = alert.onset_step !== null && alert.onset_step !== undefined && alert.onset_step !== alert.step ? `, since step ${alert.onset_step}` : "";
  return [
    severity(alert.severity),
    h("b", {}, String(alert.type ?? "alert").replaceAll("_", " ")),
    h("span", {}, `step ${alert.step}${since}`),
    alert.count > 1 && h("span", {}, plural(alert.count, "time")),
    withRun && h("a", { href: runAddress(alert.run, "alerts") }, String(alert.run_name ?? alert.run)),
    h("span.quiet-text.push", {}, String(alert.detector ?? "")),
  ];
}

/** A question mark in the page rather than a hole: nothing here, and why. */
export function nothing(...words) {
  return h("p.quiet-text", {}, ...words);
}
