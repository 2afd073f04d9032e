// What `aurl compare` says: groups, verdicts with their evidence, insights, warnings.

import { swatch } from "./chart.js";
import { h } from "./dom.js";
import { plain, plural, short, spec } from "./format.js";
import { nothing } from "./parts.js";
import { runAddress } from "./route.js";

const MOST_CLAIMS = 60;
const MOST_RUNS = 6;

/** @param answer what `aurl compare --json` says; @param curves the page's groups of runs, for their colours and names. */
export function verdicts(answer, curves) {
  const groups = answer.groups ?? [];
  const names = new Map(groups.map((group) => [group.id, nameOf(group, answer.keys ?? {}, curves)]));
  const claims = answer.claims ?? [];
  const found = claims.filter((claim) => claim.verdict === "better" || claim.verdict === "worse");
  const alike = claims.filter((claim) => claim.verdict === "no evidence");
  const left = claims.length - found.length - alike.length;
  return [
    h("p.quiet-text", {}, `By ${plain(answer.metric)}, ${answer.mode === "max" ? "higher" : "lower"} is better. Groups are runs that differ only in the seed; nothing is claimed with fewer than three a side.`),
    answer.insights?.length > 0 && h("ul.insights", {}, answer.insights.map((each) => h("li", {}, plain(each.text), evidence(each.evidence)))),
    found.length > 0 && h("ul.insights.claims", {}, found.slice(0, MOST_CLAIMS).map((claim) => h("li", {}, sentence(claim, names)))),
    found.length > MOST_CLAIMS && h("p.quiet-text", {}, plural(found.length - MOST_CLAIMS, "further difference")),
    alike.length > 0 && h("details", {}, h("summary", {}, `${plural(alike.length, "pair")} cannot be told apart`), h("ul.insights.claims", {}, alike.slice(0, MOST_CLAIMS).map((claim) => h("li", {}, sentence(claim, names))))),
    left > 0 && h("p.quiet-text", {}, `${plural(left, "pair")} not tested: fewer than three counted runs on a side.`),
    answer.warnings?.length > 0 && [h("h3", {}, "To bear in mind"), h("ul.insights", {}, answer.warnings.map((each) => h("li.quiet-text", {}, plain(each.text ?? each))))],
    h("div.section.wide", {}, groupTable(groups, names, answer)),
    importance(answer.importance ?? []),
  ];
}

/** `lr=0.003 is better than lr=0.01: lower by 0.21 (95 % interval 0.1 to 0.32, adjusted p 0.002, 3 and 3 runs).` */
function sentence(claim, names) {
  const verdict = h("span.verdict", { data: { verdict: claim.verdict } }, WORDS[claim.verdict] ?? plain(claim.verdict));
  const [a, b] = [claim.a, claim.b].map((group) => names.get(group)?.() ?? plain(group));
  const facts = [
    Array.isArray(claim.ci) && claim.ci[0] !== null && `95 % interval of the difference ${spec(claim.ci[0], ".3g")} to ${spec(claim.ci[1], ".3g")}`,
    known(claim.p_adjusted) && (claim.p_adjusted < 1e-4 ? "adjusted p below 0.0001" : `adjusted p ${spec(claim.p_adjusted, ".2g")}`),
    known(claim.n_a) && `${claim.n_a} and ${plural(claim.n_b, "run")}`,
  ].filter(Boolean);
  const small = h("span.quiet-text", { title: claim.test ? plain(claim.test) : null }, facts.length > 0 && ` (${facts.join(", ")})`);
  if (claim.verdict === "no evidence") return [a, " and ", b, " ", verdict, small];
  return [a, " ", verdict, " ", b, known(claim.delta) && `: ${claim.delta < 0 ? "lower" : "higher"} by ${spec(Math.abs(claim.delta), ".3g")}`, small];
}

const WORDS = { better: "is better than", worse: "is worse than", "no evidence": "cannot be told apart" };
const known = (value) => value !== null && value !== undefined;

/** How it is known, folded away: the method, what could make it wrong, the runs behind it. */
function evidence(found) {
  if (!found || typeof found !== "object") return null;
  const parts = [
    found.method && `Method: ${plain(found.method)}.`,
    found.caveats?.length > 0 && `Caveat: ${found.caveats.map(plain).join("; ")}.`,
    found.runs?.length > 0 && `${plural(found.runs.length, "run")}: ${found.runs.slice(0, 12).map(plain).join(", ")}${found.runs.length > 12 ? ` and ${found.runs.length - 12} more` : ""}.`,
  ].filter(Boolean);
  return parts.length > 0 && h("details.quiet-text", {}, h("summary", {}, found.claim ? "tested" : "described"), parts.join(" "));
}

/** A group as the curves above show it: a function that makes its name beside its colour. */
function nameOf(group, keys, curves) {
  const mine = new Set((group.runs ?? []).map((run) => keys[idOf(run)]));
  const shown = curves.filter(({ rows }) => rows.some((row) => mine.has(row.key)));
  const label = shown.length === 1 && shown[0].rows.length >= mine.size ? shown[0].label : plain(group.id);
  return () => h("b.named", {}, shown.length === 1 && swatch(shown[0]), label);
}

function groupTable(groups, names, { keys = {}, best = null }) {
  if (!groups.length) return nothing("No group.");
  const interval = (ci) => (Array.isArray(ci) && ci[0] !== null ? `${spec(ci[0], ".4g")} to ${spec(ci[1], ".4g")}` : "");
  const runs = (group) => (group.runs ?? []).filter((run) => keys[idOf(run)]).slice(0, MOST_RUNS).map((run, at) => [at ? ", " : "", h("a.quiet-text", { href: runAddress(keys[idOf(run)]) }, idOf(run))]);
  return h("table.plain", {},
    h("thead", {}, h("tr", {}, ["Setting", "Runs", "Mean", "95 % interval", "Median"].map((text, at) => h(`th${at ? ".number" : ""}`, { scope: "col" }, text)), h("th", { scope: "col" }, "Which"))),
    h("tbody", {}, groups.map((group) => h("tr", {},
      h("td", {}, names.get(group.id)(), " ", best?.group === group.id ? h("span.tag", {}, "best") : ""),
      h("td.number", {}, plain(group.n)), h("td.number", {}, spec(group.mean, ".4g")), h("td.number", {}, interval(group.ci)), h("td.number", {}, spec(group.median, ".4g")),
      h("td", {}, runs(group), (group.runs ?? []).length > MOST_RUNS && ` and ${group.runs.length - MOST_RUNS} more`)))));
}

const idOf = (run) => String(typeof run === "object" && run !== null ? run.id : run);

function importance(list) {
  if (!list.length) return null;
  const most = Math.max(...list.map((each) => each.importance || 0), 1e-9);
  return h("div.section", {}, h("h3", {}, "Which setting matters"), h("div.bands", {}, list.slice(0, 10).map((each) => h("div.band-row", {},
    h("span", { title: each.param }, short(String(each.param))), h("div.bar", { "aria-hidden": "true" }, h("i", { style: { width: `${(100 * (each.importance || 0)) / most}%` } })), h("span", {}, spec(each.importance, ".2f"))))));
}
