// One sample: its roll, its player, its ten scores, its files.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { integer, plain, plural, spec } from "./format.js";
import { Player } from "./player.js";

export class Sample {
  constructor(data, run, { best, worst, metrics }) {
    this.data = data;
    this.run = run;
    this.roll = h("div.roll", {}, h("p.quiet-text", {}, ""));
    this.button = h("button.play", { type: "button", disabled: true }, "\u25b6 Play");
    this.copied = h("span.copied-note", { hidden: true });
    this.element = h(`article.sample${best ? ".best" : ""}`, { "aria-label": `Sample of step ${data.step}, slot ${data.slot}` },
      h("header", {}, h("b", {}, `step ${integer(data.step)}`), h("span", {}, `slot ${plain(data.slot)}`), best && h("span.badge.best", {}, "best"), worst && h("span.badge.worst", {}, "worst"),
        h("span.score", { title: data.profile ? `Likeness to ${data.profile}, 0 to 1` : "Musical quality, 0 to 1" }, typeof data.overall === "number" ? spec(data.overall, ".3f") : "")),
      this.roll,
      ten(data.quality ?? {}, metrics),
      this.footer());
  }

  footer() {
    const { data } = this;
    const facts = [data.scalars?.["sample/notes"] !== undefined && plural(data.scalars["sample/notes"], "note"), data.scalars?.["sample/valid_tokens"] !== undefined && `${spec(data.scalars["sample/valid_tokens"], ".0%")} valid`];
    return h("footer", {}, this.button,
      data.midi && h("a", { href: withDownload(data.midi), download: "" }, "MIDI"),
      data.audio && h("a", { href: data.audio, target: "_blank", rel: "noopener" }, "Sound"),
      h("span", {}, facts.filter(Boolean).join(", ")),
      data.copied_fraction > 0 && h("span.copied-note", {}, `${spec(data.copied_fraction, ".0%")} copied`),
      data.missing?.length > 0 && h("span.fault", {}, `${data.missing.join(", ")} missing`));
  }

  /** Read and draw the notes, once, when the sample comes into sight. */
  async load() {
    if (this.asked) return;
    this.asked = true;
    const words = this.roll.querySelector("p");
    if (!this.data.midi || this.data.missing?.includes("midi")) {
      words.textContent = "The MIDI file is missing.";
      return;
    }
    if (this.data.scalars?.["sample/notes"] === 0) {
      words.textContent = "No notes";
      return;
    }
    try {
      this.music = await get("/api/notes", { run: this.run, path: `samples/${this.data.id}.mid` });
    } catch (error) {
      fill(words, error.message);
      words.className = "fault";
      return;
    }
    words.textContent = this.music.error ?? (this.music.notes.length ? "" : "No notes");
    if (this.music.error) return;
    new Player(this.roll, this.button, this.music).draw();
    this.element.dataset.drawn = "yes";
  }
}

const withDownload = (address) => address + (address.includes("?") ? "&" : "?") + "download=1";

/** The scores as small columns; hatched where a metric is not defined for the sample. */
function ten(quality, metrics) {
  const names = metrics.filter((name) => name !== "overall" && name !== "overall_quality");
  const said = names.map((name) => `${name.replaceAll("_", " ")} ${typeof quality[name] === "number" ? spec(quality[name], ".2f") : "not defined"}`);
  return h("div.ten", { role: "img", "aria-label": `Scores: ${said.join(", ")}` }, names.map((name, at) => {
    const value = quality[name];
    const there = typeof value === "number";
    return h(`span${there ? (value < 0.5 ? ".low" : "") : ".none"}`, { title: said[at] }, there && h("i", { style: { height: `${Math.max(4, value * 100)}%` } }));
  }));
}
