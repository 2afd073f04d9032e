// What the run was fed: pieces, splits, tokens, augmentation, rejected files, lengths.

import { fill, h } from "./dom.js";
import { integer, plain, spec } from "./format.js";
import { nothing } from "./parts.js";

const WORDS = {
  corpus: "Corpus", tokenizer: "Tokenizer", vocab_size: "Vocabulary", bars: "Bars in a window", seq_len: "Longest sequence", batch_size: "Batch",
  tokens: "Tokens", tokens_per_note: "Tokens a note", cut_share: "Windows cut short", altered_share: "Notes altered by the tokenizer", cache_hits: "Read from the cache",
  rejected_count: "Files rejected", files: "Files processed", augmented: "of these augmented", fingerprint: "Fingerprint",
};

export function open(run, body) {
  const draw = () => fill(body, run.data ? page(run.data) : nothing("This run has not said what data it uses."));
  draw();
  return { refetch: draw };
}

function page({ fields = {}, scalars = {}, step }) {
  const simple = Object.entries(fields).filter(([, value]) => value === null || typeof value !== "object");
  const nested = Object.entries(fields).filter(([, value]) => value && typeof value === "object");
  const splits = nested.filter(([, value]) => "train" in value);
  const others = nested.filter(([key, value]) => !("train" in value) && key !== "rejected" && key !== "warnings" && (!Array.isArray(value) || value.length));
  return [
    h("div.two", {},
      h("section.panel", {}, h("h2", {}, "In all"), facts([...simple, ...Object.entries(scalars)]), h("p.quiet-text", {}, `As of step ${step}`)),
      splits.length > 0 && h("section.panel", {}, h("h2", {}, "Splits"), table(splits)),
      others.map(([key, value]) => h("section.panel", {}, h("h2", {}, title(key)), key === "lengths" ? lengths(value) : facts(Object.entries(value))))),
    messages("Warnings", fields.warnings),
    messages("Rejected files", fields.rejected),
  ];
}

const title = (key) => WORDS[key] ?? key.replace(/^data\//, "").replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase());

function value(key, each) {
  if (key.endsWith("share") && typeof each === "number") return spec(each, ".2%");
  return Number.isInteger(each) ? integer(each) : plain(each);
}

function facts(entries) {
  return h("dl.facts", {}, entries.flatMap(([key, each]) => [h("dt", {}, title(key)), h("dd", {}, value(key, each))]));
}

function table(splits) {
  const names = [...new Set(splits.flatMap(([, each]) => Object.keys(each)))];
  return h("table.plain", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span.unseen", {}, "What")), names.map((name) => h("th.number", { scope: "col" }, name)))),
    h("tbody", {}, splits.map(([key, each]) => h("tr", {}, h("td", {}, title(key)), names.map((name) => h("td.number", {}, value(key, each[name])))))));
}

/** Lengths as a strip: from the shortest to the longest, the middle and the 95th percentile marked. */
function lengths(each) {
  const { min = 0, max = 1, p50, p95, mean } = each;
  const place = (number) => `${(100 * (number - min)) / Math.max(1e-9, max - min)}%`;
  const point = (number, name) => typeof number === "number" && h("i.point", { title: `${name} ${plain(number)}`, style: { left: place(number) } });
  return [h("div.meter", { role: "img", "aria-label": `lengths from ${plain(min)} to ${plain(max)} tokens` }, point(p50, "median"), point(p95, "95th percentile")), facts(Object.entries({ min, mean, median: p50, "95th percentile": p95, max }))];
}

function messages(heading, list) {
  const lines = Array.isArray(list) ? list : [];
  if (!lines.length) return null;
  return h("section.section", {}, h("h2", {}, `${heading} (${lines.length})`), h("ul", {}, lines.slice(0, 200).map((each) => h("li", {}, plain(each)))));
}
