// Alerts on the curves that they concern: signs that can be pressed, and what they say.

import { h, svg } from "./dom.js";
import { severity } from "./colours.js";
import { nearest } from "./paint.js";
import { alertBody, alertHead, SEVERITIES } from "./parts.js";

const APART = 14; // pixels under which signs become one
const MOST = 60;
const SHAPES = { info: "M2 6a4 4 0 1 0 8 0a4 4 0 1 0-8 0", warning: "M6 11L1 2h10z", critical: "M6 12L1 6l5-6 5 6z", fatal: "M3 1h6l3 5-3 5H3L0 6z" };

export function drawMarks(chart, u) {
  const focused = chart.layer ? [...chart.layer.children].indexOf(document.activeElement) : -1;
  chart.layer?.remove();
  const alerts = chart.about.alerts?.() ?? [];
  if (!alerts.length) return;
  const layer = (chart.layer = h("div.marks"));
  for (const cluster of clusters(chart, u, alerts)) layer.append(mark(chart, cluster));
  u.over.append(layer);
  layer.children[focused]?.focus({ preventScroll: true }); // drawn anew while it was pointed at by the keyboard
}

/** Signs side by side, those that would overlap as one; the worst decides its look. */
function clusters(chart, u, alerts) {
  const places = alerts.map((alert) => place(chart, u, alert)).filter(Boolean).sort((a, b) => a.left - b.left);
  const found = [];
  for (const each of places) {
    const before = found[found.length - 1];
    if (before && each.left - before.left < APART) {
      before.alerts.push(each.alert);
      before.top = Math.min(before.top, each.top);
    } else found.push({ left: each.left, top: each.top, alerts: [each.alert] });
  }
  return found.slice(0, MOST);
}

function place(chart, u, alert) {
  for (const curve of chart.curves) {
    if (curve.run !== alert.run || (curve.scalar ?? curve.name) !== alert.metric) continue;
    const steps = curve.step ?? curve.x;
    const at = nearest(steps, alert.step);
    const x = at >= 0 ? curve.x[at] : alert.step;
    if (x < u.scales.x.min || x > u.scales.x.max) return null;
    const exact = at >= 0 && steps[at] === alert.step;
    const value = exact ? curve.y[at] : typeof alert.value === "number" ? alert.value : at >= 0 ? curve.y[at] : null;
    const top = Number.isFinite(value) && !(chart.log && value <= 0) ? u.valToPos(value, "y") : 24;
    const left = u.valToPos(exact || !curve.step ? (curve.step ? x : alert.step) : x, "x");
    return { alert, left, top: Math.min(u.over.clientHeight, Math.max(21, top - 3)) };
  }
  return null;
}

function mark(chart, { left, top, alerts }) {
  const worst = SEVERITIES.find((name) => alerts.some((alert) => alert.severity === name)) ?? "warning";
  const said = alerts.map((alert) => `${alert.severity} ${String(alert.type).replaceAll("_", " ")} at step ${alert.step}`).join("; ");
  return h("button.mark", {
    type: "button",
    "aria-label": `${said}. Press for cause and advice`,
    title: alerts.length === 1 ? `${said}: ${alerts[0].message}` : said,
    style: { left: `${left}px`, top: `${top}px` },
    onmousedown: (event) => event.stopPropagation(),
    onclick: (event) => tell(chart, alerts, event.currentTarget),
  }, svg("svg", { width: 12, height: 12, viewBox: "0 0 12 12", "aria-hidden": "true" }, svg("path", { d: SHAPES[worst], fill: severity(worst) })));
}

function tell(chart, alerts, from) {
  chart.host.querySelector(".popover")?.remove();
  const card = chart.host.closest(".chart");
  const close = () => {
    box.remove();
    card?.classList.remove("telling");
    (from.isConnected ? from : chart.plot).focus();
  };
  const box = h("div.popover", { role: "dialog", "aria-label": "Alert", tabIndex: -1, onkeydown: (event) => event.key === "Escape" && close() },
    h("button.quiet.close", { type: "button", "aria-label": "Close", onclick: close }, "\u2715"),
    alerts.slice(0, 5).map((alert) => h("section.advice", { data: { severity: alert.severity } }, h("div.toolbar", {}, alertHead(alert)), alertBody(alert))),
    alerts.length > 5 && h("p.quiet-text", {}, `and ${alerts.length - 5} more here`));
  card?.classList.add("telling");
  chart.host.append(box);
  box.style.setProperty("top", "64px");
  box.style.setProperty("left", "12px");
  box.focus();
}
