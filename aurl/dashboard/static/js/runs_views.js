// Views of the table under a name: the part of the address behind the question mark, kept by this browser for this folder.

import { fill, h, say } from "./dom.js";

export class Views {
  /** @param root the folder served; @param go(query) shows a view. */
  constructor(root, go) {
    this.place = `aurl-views ${root}`;
    this.go = go;
    this.choice = h("select", { "aria-label": "Saved views", onchange: () => this.open(this.choice.value) });
    this.name = h("input", { type: "text", placeholder: "name of this view", "aria-label": "Name of this view", maxLength: 60, hidden: true, onkeydown: (event) => this.keys(event) });
    this.element = h("span.field.secondary.views", {}, this.choice, this.name);
    this.draw();
  }

  all() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.place) ?? "{}");
      return kept && typeof kept === "object" && !Array.isArray(kept) ? kept : {};
    } catch {
      return {}; // a browser that keeps nothing
    }
  }

  draw() {
    const names = Object.keys(this.all()).sort();
    fill(this.choice, h("option", { value: "" }, "Views"), names.map((name) => h("option", { value: `open ${name}` }, name)),
      h("option", { value: "save" }, "Save this view\u2026"), names.map((name) => h("option", { value: `drop ${name}` }, `Forget ${name}`)));
    this.choice.value = "";
  }

  open(value) {
    const [act, name] = [value.split(" ")[0], value.slice(value.indexOf(" ") + 1)];
    this.choice.value = "";
    if (act === "open") this.go(this.all()[name] ?? "");
    if (act === "drop") this.keep({ [name]: undefined }, `Forgot ${name}`);
    if (act === "save") {
      this.name.hidden = false;
      this.name.focus();
    }
  }

  keys(event) {
    const name = this.name.value.trim();
    if (event.key === "Enter" && name) this.keep({ [name]: location.hash.split("?")[1] ?? "" }, `Saved as ${name}`);
    if (event.key === "Enter" || event.key === "Escape") {
      this.name.hidden = true;
      this.name.value = "";
      this.choice.focus();
    }
  }

  keep(changes, said) {
    try {
      localStorage.setItem(this.place, JSON.stringify({ ...this.all(), ...changes }));
      say(said);
    } catch {
      say("This browser keeps nothing; send yourself the address instead");
    }
    this.draw();
  }
}
