// The configuration with search, the overrides that were typed, and what differs from another run.

import { get } from "./api.js";
import { debounce, fill, h } from "./dom.js";
import { plain } from "./format.js";
import { nothing } from "./parts.js";
import { remember } from "./route.js";

export async function open(run, body, place) {
  const found = await get("/api/runs").catch(() => ({ runs: [] }));
  const others = found.runs.filter((row) => row.key !== run.key);
  const table = h("div");
  const difference = h("div");
  let search = (place.parameters.get("q") ?? "").toLowerCase();
  const draw = () => fill(table, configTable(run.config, search));
  const choose = h("select", { "aria-label": "Another run", onchange: (event) => { remember({ to: event.target.value }); compare(event.target.value); } },
    h("option", { value: "" }, "choose a run"), others.slice(0, 500).map((row) => h("option", { value: row.key }, `${row.name} \u00b7 ${row.id}`)));
  async function compare(key) {
    if (!key) return fill(difference);
    try {
      fill(difference, differences(await get("/api/diff", { a: run.key, b: key })));
    } catch (error) {
      fill(difference, h("p.fault", {}, error.message));
    }
  }
  fill(body,
    h("div.toolbar.runs-tools", {},
      h("input", { type: "search", value: search, placeholder: "Search keys and values", "aria-label": "Search the configuration", spellcheck: false, oninput: debounce(100, (event) => { search = event.target.value.toLowerCase(); remember({ q: search }); draw(); }) }),
      h("label.field", {}, "Difference to", choose)),
    run.overrides?.length > 0 && h("p", {}, h("span.quiet-text", {}, "Typed: "), h("code", {}, run.overrides.map(plain).join(" "))),
    difference,
    table);
  draw();
  const wanted = place.parameters.get("to");
  if (wanted) {
    choose.value = wanted;
    await compare(wanted);
  }
  return { refetch: draw };
}

function configTable(config, search) {
  const entries = Object.entries(config ?? {}).filter(([key, value]) => !search || `${key}=${plain(value)}`.toLowerCase().includes(search));
  if (!entries.length) return nothing(search ? "No key or value is like that." : "This run keeps no configuration.");
  return h("section.section.wide", {}, h("table.plain", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Key"), h("th", { scope: "col" }, "Value"))),
    h("tbody", {}, entries.slice(0, 3000).map(([key, value]) => h("tr", {}, h("td", {}, h("code", {}, key)), h("td", {}, h("code", {}, plain(value))))))));
}

export function differences({ config, environment, code, same }, left = "this run", right = "the other") {
  const part = (heading, rows) => rows?.length > 0 && h("section.section.wide", {}, h("h2", {}, heading), h("table.plain", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Key"), h("th", { scope: "col" }, left), h("th", { scope: "col" }, right))),
    h("tbody", {}, rows.map((row) => h("tr", {}, h("td", {}, h("code", {}, row.key)), cell(row, "a"), cell(row, "b"))))));
  return [
    part("Configuration", config), part("Machine and versions", environment), part("Code", code),
    !(config?.length || environment?.length || code?.length) && nothing("Nothing differs."),
    h("p.quiet-text", {}, `${same} keys are the same.`),
  ];
}

const cell = (row, side) => h("td", {}, side in row ? h("code", {}, plain(row[side])) : h("span.quiet-text", {}, "not set"));
