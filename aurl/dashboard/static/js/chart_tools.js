// The bar above charts: search, abscissa, smoothing, scales, the zoomed stretch.

import { debounce, h } from "./dom.js";
import { xTick } from "./axes.js";
import { AXES } from "./view.js";

export function chartTools(view, { search = null, onsearch = null } = {}) {
  const smooth = h("input", { type: "range", min: 0, max: 100, step: 1, value: slider(view.smooth), "aria-label": "Smoothing", title: "Weight of the running average; the raw line stays beneath" });
  const told = h("output", {}, words(view.smooth));
  const send = debounce(120, (weight) => view.set({ smooth: weight }, "data"));
  smooth.addEventListener("input", () => {
    const weight = weightOf(Number(smooth.value));
    told.textContent = words(weight);
    smooth.setAttribute("aria-valuetext", words(weight));
    send(weight);
  });
  const stretch = h("span.field", { hidden: true });
  const draw = () => {
    stretch.hidden = !view.zoomed;
    if (view.zoomed) {
      stretch.replaceChildren(
        h("b", {}, `${xTick(view.range[0], view)} to ${xTick(view.range[1], view)}`),
        h("button", { type: "button", onclick: () => view.set({ from: null, to: null }, "zoom") }, "Show all"),
      );
    }
  };
  view.listeners.add(draw);
  draw();
  return h("div.chart-tools.toolbar", { role: "toolbar", "aria-label": "Charts" },
    onsearch && h("input", { type: "search", value: search, placeholder: "Search scalars", "aria-label": "Search scalars", spellcheck: false, oninput: (event) => onsearch(event.target.value) }),
    h("label.field", {}, "x", h("select", { onchange: (event) => view.set({ x: event.target.value }, "data") },
      Object.entries(AXES).map(([value, text]) => h("option", { value, selected: view.x === value }, text)))),
    h("label.field", {}, "Smoothing", smooth, told),
    toggle("log x", view.logX, "Logarithmic abscissa", (on) => view.set({ logX: on }, "scale")),
    toggle("log y", view.logY, "Logarithmic values in every chart", (on) => view.set({ logY: on }, "scale")),
    toggle("robust range", view.calm, "Scale each chart to where its curves are; marks at the edge show what goes beyond", (on) => view.set({ calm: on }, "scale")),
    stretch);
}

function toggle(text, on, title, act) {
  return h("button", {
    type: "button",
    title,
    "aria-pressed": String(on),
    onclick: (event) => {
      const next = event.currentTarget.getAttribute("aria-pressed") !== "true";
      event.currentTarget.setAttribute("aria-pressed", String(next));
      act(next);
    },
  }, text);
}

// The slider is fine where weights matter: near 1. w = 1 - 10^(-3 s / 100), so 33 is 0.9, 67 is 0.99, 100 is 0.999.
const weightOf = (place) => (place === 0 ? 0 : Number((1 - 10 ** ((-3 * place) / 100)).toFixed(4)));
const slider = (weight) => Math.round((-100 / 3) * Math.log10(1 - weight));
const words = (weight) => (weight ? String(Number(weight.toFixed(3))) : "off");
