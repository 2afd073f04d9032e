// The ten scores of the last evaluation beside the band of real music, and how they came there.

import { h } from "./dom.js";
import { plain, spec } from "./format.js";

const BEFORE = 12; // earlier evaluations shown as small dots

export function quality({ evaluations, metrics, band }) {
  const inTime = [...evaluations].sort((a, b) => a.step - b.step);
  const last = inTime[inTime.length - 1];
  return h("section.quality", { "aria-label": "Musical quality" },
    h("div.panel", {}, h("h2", {}, "Against real music"), h("p.quiet-text", {}, `Means of step ${last.step}; the field is where nine of ten real pieces lie, small dots are earlier evaluations.`),
      h("div.bands", { role: "list" }, metrics.map((name) => row(name, inTime, band)))),
    h("div.panel", {}, h("h2", {}, "Last evaluation"), facts(last)));
}

const scalar = (name) => `quality/mean/${name === "overall_quality" ? "overall" : name}`;

function bandOf(name, band, last) {
  const known = last.fields?.band?.[name] ?? band?.[name];
  if (Array.isArray(known)) return [known[0], known[known.length - 1]];
  if (["overall", "overall_quality"].includes(name) && "quality/band_low" in last.scalars) return [last.scalars["quality/band_low"], last.scalars["quality/band_high"]];
  return null;
}

function row(name, inTime, band) {
  const last = inTime[inTime.length - 1];
  const value = last.scalars[scalar(name)];
  const real = bandOf(name, band, last);
  const there = typeof value === "number";
  const inside = there && real ? value >= real[0] : null;
  const said = `${name.replaceAll("_", " ")}: ${there ? spec(value, ".3f") : "not defined"}${real ? `, real music ${spec(real[0], ".2f")} to ${spec(real[1], ".2f")}` : ""}`;
  const at = (share) => `${Math.max(0, Math.min(1, share)) * 100}%`;
  return h("div.band-row", { role: "listitem", "aria-label": said, title: said, data: { in: inside === null ? "" : inside ? "yes" : "no" } },
    h("span", {}, name.replaceAll("_", " ")),
    h("div.meter", { "aria-hidden": "true" },
      real && h("i.real", { style: { left: at(real[0]), width: at(real[1] - real[0]) } }),
      inTime.slice(-BEFORE - 1, -1).map((each) => typeof each.scalars[scalar(name)] === "number" && h("i.before", { style: { left: at(each.scalars[scalar(name)]) } })),
      there && h("i.point", { style: { left: at(value) } })),
    h("span", {}, there ? spec(value, ".3f") : "n/a"));
}

function facts({ scalars, fields, step }) {
  const percent = (name) => (typeof scalars[name] === "number" ? spec(scalars[name], ".1%") : null);
  const range = (low, high) => (typeof scalars[low] === "number" ? `${spec(scalars[low], ".3f")} to ${spec(scalars[high], ".3f")}` : null);
  const entries = [
    ["Step", step],
    ["Overall", typeof scalars["quality/mean/overall"] === "number" ? spec(scalars["quality/mean/overall"], ".3f") : null],
    ["95% interval", range("quality/ci_low", "quality/ci_high")],
    ["Real music", range("quality/band_low", "quality/band_high")],
    ["Trend", fields?.trend?.direction ?? null],
    ["Copied", percent("quality/mean/copied_fraction")],
    ["Valid tokens", percent("quality/mean/valid_tokens")],
    ["Samples scored", scalars["quality/samples"] ?? null],
    ["Frechet distance", typeof scalars["quality/frechet"] === "number" ? spec(scalars["quality/frechet"], ".3g") : null],
    ["Compared with", fields?.profile ?? null],
  ];
  return h("dl.facts", {}, entries.filter(([, value]) => value !== null && value !== undefined).flatMap(([key, value]) => [h("dt", {}, key), h("dd", {}, plain(value))]));
}
