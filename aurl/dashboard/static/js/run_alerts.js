// The alerts of one run, newest first.

import { fill, h } from "./dom.js";
import { alertBody, alertHead, nothing } from "./parts.js";

export function open(run, body) {
  const draw = () => fill(body, list(run.alerts, "Nothing went wrong so far: no detector has raised an alert."));
  draw();
  return { alerts: draw, refetch: draw };
}

export function list(alerts, otherwise, withRun = false) {
  if (!alerts.length) return nothing(otherwise);
  return h("div.alert-list", {}, alerts.map((alert) =>
    h("article.advice", { data: { severity: alert.severity } }, h("header", {}, alertHead(alert, withRun)), alertBody(alert))));
}
