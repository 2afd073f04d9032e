// Checkpoints, notes, the machine and its versions, and the files that may be taken away.

import { fill, h } from "./dom.js";
import { bytes, integer, moment, plain, spec, told } from "./format.js";
import { nothing } from "./parts.js";

export function open(run, body) {
  const draw = () => fill(body,
    h("section", {}, h("h2", {}, "Checkpoints"), checkpoints(run.checkpoints ?? [])),
    h("div.two.section", {},
      h("section.panel", {}, h("h2", {}, "Machine and versions"), environment(run)),
      h("section.panel", {}, h("h2", {}, "Files"), files(run))),
    h("section.section", {}, h("h2", {}, "Notes"), notes(run.notes ?? [])));
  draw();
  return { refetch: draw };
}

function checkpoints(list) {
  if (!list.length) return nothing("None was written yet.");
  const head = ["Step", "Written", "Why", "Metric", "", "Path"].map((text, at) => h(`th${at === 0 ? ".number" : ""}`, { scope: "col" }, text));
  return h("div.wide", {}, h("table.plain", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, list.map((each) => h("tr", {},
    h("td.number", {}, integer(each.step)),
    h("td", {}, moment(each.time)),
    h("td", {}, plain(each.reason ?? undefined)),
    h("td", {}, each.metric ? `${each.metric} ${spec(each.value, ".4g")}` : ""),
    h("td", {}, each.best && h("span.tag", {}, "best"), each.latest && h("span.tag", {}, "latest"), each.exists === false && h("span.quiet-text", {}, "removed since")),
    h("td", {}, h("code", {}, each.path)))))));
}

function environment(run) {
  const entries = Object.entries({ ...run.environment }).filter(([, value]) => value !== null && value !== undefined);
  if (!entries.length) return nothing("Not known.");
  return h("dl.facts", {}, entries.flatMap(([key, value]) => [h("dt", {}, key), h("dd", {}, key === "argv" && Array.isArray(value) ? h("code", {}, value.map(plain).join(" ")) : told(value))]));
}

function files(run) {
  const address = (path) => `/file/${encodeURIComponent(run.key)}/${path.split("/").map(encodeURIComponent).join("/")}`;
  if (!run.files?.length) return nothing("No files.");
  return h("table.plain", {}, h("tbody", {}, run.files.map(({ path, bytes: size }) => h("tr", {},
    h("td", {}, h("a", { href: address(path), target: "_blank", rel: "noopener" }, path)), h("td.number", {}, bytes(size))))));
}

function notes(list) {
  if (!list.length) return nothing("None.");
  return h("div.wide", {}, h("table.plain", {}, h("tbody", {}, list.map((each) => h("tr", {},
    h("td.number", {}, `step ${integer(each.step)}`), h("td", {}, moment(each.time)), h("td", {}, plain(each.level)), h("td", {}, plain(each.message)))))));
}
