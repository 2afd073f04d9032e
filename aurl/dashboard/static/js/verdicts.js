// What `aurl compare` says: groups, verdicts with their evidence, insights, warnings.

import { h } from "./dom.js";
import { plain, plural, short, spec } from "./format.js";
import { nothing } from "./parts.js";
import { runAddress } from "./route.js";

export function verdicts(answer) {
  const groups = answer.groups ?? [];
  const named = new Map(groups.map((group) => [group.id, nameOf(group, answer.differences ?? {})]));
  return [
    h("p.quiet-text", {}, `By ${plain(answer.metric)}, ${answer.mode === "max" ? "higher" : "lower"} is better. Groups are runs that differ only in the seed; nothing is claimed with fewer than three a side.`),
    answer.insights?.length > 0 && h("ul.insights", {}, answer.insights.map((each) => h("li", {}, plain(each.text), each.evidence ? h("span.quiet-text", {}, ` ${evidence(each.evidence)}`) : ""))),
    answer.warnings?.length > 0 && h("ul.insights", {}, answer.warnings.map((each) => h("li.quiet-text", {}, plain(each.text ?? each)))),
    h("div.two.section", {}, h("div.wide", {}, groupTable(groups, named, answer)), h("div.wide", {}, claimTable(answer.claims ?? [], named))),
    importance(answer.importance ?? []),
  ];
}

function evidence(found) {
  return typeof found === "object" ? Object.entries(found).filter(([, value]) => value === null || typeof value !== "object").map(([key, value]) => `${key} ${plain(value)}`).join(", ") : plain(found);
}

function nameOf(group, differences) {
  const keys = Object.keys(differences).filter((key) => key !== "seed");
  const config = group.config ?? {};
  const parts = keys.filter((key) => config[key] !== undefined).slice(0, 3).map((key) => (key.endsWith("_target_") ? plain(config[key]).split(".").pop() : `${short(key)} ${plain(config[key])}`));
  return parts.join(", ") || plain(group.id);
}

function groupTable(groups, named, { keys = {}, best = null }) {
  if (!groups.length) return nothing("No group.");
  const interval = (ci) => (Array.isArray(ci) && ci[0] !== null ? `${spec(ci[0], ".4g")} to ${spec(ci[1], ".4g")}` : "");
  return h("table.plain", {},
    h("thead", {}, h("tr", {}, ["Setting", "Runs", "Mean", "95% interval", "Median"].map((text, at) => h(`th${at ? ".number" : ""}`, { scope: "col" }, text)))),
    h("tbody", {}, groups.map((group) => h("tr", {},
      h("td", {}, named.get(group.id), best?.group === group.id ? h("span.tag", {}, "best") : "", " ", (group.runs ?? []).slice(0, 6).map((run, at) => keys[idOf(run)] && [at ? ", " : "", h("a.quiet-text", { href: runAddress(keys[idOf(run)]) }, idOf(run).slice(-4))])),
      h("td.number", {}, plain(group.n)), h("td.number", {}, spec(group.mean, ".4g")), h("td.number", {}, interval(group.ci)), h("td.number", {}, spec(group.median, ".4g"))))));
}

const idOf = (run) => String(typeof run === "object" && run !== null ? run.id : run);

function claimTable(claims, named) {
  if (!claims.length) return nothing("No pair of settings to compare.");
  const words = { better: "is better than", worse: "is worse than", "no evidence": "no evidence against", "too few runs": "too few runs against" };
  return [h("table.plain", {},
    h("thead", {}, h("tr", {}, ["Verdict", "Difference", "adjusted p", "Effect", "Test"].map((text, at) => h(`th${at && at < 4 ? ".number" : ""}`, { scope: "col" }, text)))),
    h("tbody", {}, claims.slice(0, 60).map((claim) => h("tr", {},
      h("td", {}, named.get(claim.a) ?? plain(claim.a), " ", h("span.verdict", { data: { verdict: claim.verdict } }, words[claim.verdict] ?? plain(claim.verdict)), " ", named.get(claim.b) ?? plain(claim.b)),
      h("td.number", { title: Array.isArray(claim.ci) ? `${spec(claim.ci[0], ".4g")} to ${spec(claim.ci[1], ".4g")}` : "" }, spec(claim.delta, ".3g")),
      h("td.number", {}, spec(claim.p_adjusted, ".2g")), h("td.number", {}, spec(claim.effect, ".2g")), h("td", {}, plain(claim.test ?? undefined)))))),
    claims.length > 60 && h("p.quiet-text", {}, plural(claims.length - 60, "further pair"))];
}

function importance(list) {
  if (!list.length) return null;
  const most = Math.max(...list.map((each) => each.importance || 0), 1e-9);
  return h("div.section", {}, h("h3", {}, "Which setting matters"), h("div.bands", {}, list.slice(0, 10).map((each) => h("div.band-row", {},
    h("span", { title: each.param }, short(String(each.param))), h("div.bar", { "aria-hidden": "true" }, h("i", { style: { width: `${(100 * (each.importance || 0)) / most}%` } })), h("span", {}, spec(each.importance, ".2f"))))));
}
