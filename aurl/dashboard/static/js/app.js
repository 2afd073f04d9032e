// The shell: which page is shown, colours, saving, what the stream does.

import { fill, h, say } from "./dom.js";
import { Failed } from "./api.js";
import { readColours } from "./colours.js";
import { parse } from "./route.js";
import { savePage, snapshot, whole } from "./snapshot.js";
import { Stream } from "./stream.js";

const PAGES = {
  runs: () => import("./runs.js"),
  run: () => import("./run.js"),
  compare: () => import("./compare.js"),
  alerts: () => import("./alerts.js"),
};
const main = document.getElementById("main");
let leave = () => {};
let shown = 0;
let current = "";

export const stream = new Stream((state) => {
  const words = {
    live: ["live", "Live: new points appear by themselves"],
    connecting: ["connecting", "Connecting to the server"],
    lost: ["no server", "The server does not answer; trying again"],
    refused: ["new token", "The server was restarted with another token: open the address that it printed"],
    asleep: ["paused", "Paused while the page is not looked at"],
  };
  const place = document.getElementById("state");
  const [word, title] = words[state];
  if (place.dataset.state === state) return;
  place.dataset.state = state;
  place.title = title;
  fill(place, h("span.lamp", { "aria-hidden": "true" }), word);
});

async function route() {
  const place = parse(location.hash);
  const base = [place.page, place.key].join("/");
  if (base === current && typeof leave.moved === "function") return leave.moved(place); // a tab of the same page
  const turn = ++shown;
  current = base;
  leave.leave?.();
  leave = {};
  window.__ready = false;
  window.__painted = {};
  window.__charts = [];
  for (const link of document.querySelectorAll("#nav a")) {
    const here = link.dataset.page === place.page || (place.page === "run" && link.dataset.page === "runs");
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  fill(main, h("p.waiting", {}, "Reading"));
  try {
    const page = await (PAGES[place.page] ?? PAGES.runs)();
    if (turn !== shown) return;
    const left = await page.show(main, place, stream);
    if (turn !== shown) left?.leave?.();
    else leave = left ?? {};
  } catch (error) {
    if (turn === shown) failed(error);
  }
}

function failed(error) {
  document.title = "aurl";
  const told = error instanceof Failed ? error.message : "This page could not be drawn; the browser's console says why.";
  if (!(error instanceof Failed)) console.error(error);
  fill(
    main,
    h("section.notice", { role: "alert" }, h("h1", {}, "Nothing to show"), h("p", {}, told),
      h("p", {}, h("a", { href: "#/" }, "All runs"), " \u00b7 ", h("button.quiet", { type: "button", onclick: again }, "Try again"))),
  );
  current = "";
  window.__ready = true;
  stream.watch(() => "", { reopened: again });
}

function again() {
  current = "";
  route();
}

function themes() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const order = { "": "light", light: "dark", dark: "" };
  const names = { "": "Auto", light: "Light", dark: "Dark" };
  const paint = () => {
    const chosen = root.dataset.theme ?? "";
    button.textContent = names[chosen];
    button.setAttribute("aria-label", `Colours: ${chosen || "as the system"}`);
    readColours();
    document.dispatchEvent(new Event("aurl-colours"));
  };
  button.addEventListener("click", () => {
    const next = order[root.dataset.theme ?? ""];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    try {
      localStorage.setItem("aurl-theme", next);
    } catch {
      say("The choice cannot be kept in this browser");
    }
    paint();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  paint();
}

document.getElementById("save").addEventListener("click", () => savePage());
window.__snapshot = snapshot;
window.__whole = whole;
window.addEventListener("hashchange", route);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the page, so the link must not change it
  main.focus();
});
themes();
route();
