// The music of a run: scores against real music, and every sample as a piano roll that plays, by slot or by step.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { integer, plain, plural } from "./format.js";
import { nothing } from "./parts.js";
import { remember } from "./route.js";
import { quality } from "./music_quality.js";
import { stop } from "./player.js";
import { Sample } from "./sample.js";

export async function open(run, body, place) {
  const tab = new MusicTab(run, body, place.parameters);
  await tab.load();
  tab.draw();
  return tab;
}

const STRIPS = 12;

class MusicTab {
  constructor(run, body, parameters) {
    this.run = run;
    this.body = body;
    this.by = ["slot", "step", "best"].includes(parameters.get("by")) ? parameters.get("by") : "slot";
    this.strips = STRIPS;
    this.shown = new Map();
    this.observer = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.shown.get(entry.target)?.load();
    }, { rootMargin: "200px" });
    this.onColours = () => this.draw();
    document.addEventListener("aurl-colours", this.onColours);
    this.onWhole = (event) => event.detail.push(...[...this.shown.values()].map((sample) => sample.load()));
    document.addEventListener("aurl-whole", this.onWhole);
  }

  async load() {
    this.answer = await get("/api/samples", { run: this.run.key, limit: 500 });
  }

  draw() {
    const { samples, total, evaluations } = this.answer;
    this.leaveSamples();
    const choice = h("select", { onchange: (event) => this.choose(event.target.value) },
      [["slot", "slot: the same seed through time"], ["step", "step: all that was written then"], ["best", "score: best and worst"]].map(([value, text]) => h("option", { value, selected: value === this.by }, text)));
    fill(this.body,
      evaluations.length > 0 && quality(this.answer),
      samples.length === 0 ? nothing("No sample was written yet. They appear here while the run trains.") :
      [h("div.toolbar.runs-tools", {}, h("label.field", {}, "Samples by", choice), h("span.quiet-text", {}, samples.length < total ? `the newest ${samples.length} of ${integer(total)}` : plural(total, "sample"))),
        this.rows()]);
  }

  choose(by) {
    this.by = by;
    this.strips = STRIPS;
    remember({ by: by === "slot" ? "" : by });
    this.draw();
  }

  rows() {
    if (this.by === "best") return this.extremes();
    const groups = new Map();
    for (const sample of this.answer.samples) {
      const key = sample[this.by];
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(sample);
    }
    const ordered = [...groups].sort(([a], [b]) => (this.by === "slot" ? a - b : b - a));
    const strips = ordered.slice(0, this.strips).map(([key, samples]) => this.strip(key, samples));
    const left = ordered.length - this.strips;
    return [strips, left > 0 && h("button.more", { type: "button", onclick: () => { this.strips += STRIPS; this.draw(); } }, `Show ${Math.min(STRIPS, left)} more of ${left}`)];
  }

  strip(key, samples) {
    const inTime = [...samples].sort((a, b) => a.step - b.step || a.slot - b.slot);
    const seeds = new Set(inTime.map((sample) => sample.seed));
    const title = this.by === "slot" ? `Slot ${plain(key)}` : `Step ${integer(key)}`;
    const about = this.by === "slot" && seeds.size === 1 ? `seed ${plain([...seeds][0])}, ${plain(inTime[0].mode)}` : plural(inTime.length, "sample");
    const row = h("div.row-of-samples", { tabIndex: 0, role: "region", "aria-label": `${title}, ${about}` }, inTime.map((sample) => this.sample(sample)));
    requestAnimationFrame(() => (row.scrollLeft = this.by === "slot" ? row.scrollWidth : 0));
    return h("section.strip", {}, h("h2", {}, title, h("span.quiet-text", {}, about)), row);
  }

  extremes() {
    const scored = this.answer.samples.filter((sample) => typeof sample.overall === "number").sort((a, b) => b.overall - a.overall);
    if (!scored.length) return nothing("No sample has a score.");
    const count = Math.min(6, Math.ceil(scored.length / 2));
    const part = (title, samples) => h("section.strip", {}, h("h2", {}, title), h("div.row-of-samples.wrap", {}, samples.map((sample) => this.sample(sample))));
    return [part("Best", scored.slice(0, count)), scored.length > count && part("Worst", scored.slice(-count).reverse())];
  }

  sample(data) {
    const { best = [], worst = [], metrics = [], samples } = this.answer;
    const most = Math.min(3, Math.floor(samples.length / 3));
    const among = (ids) => ids.slice(0, most).includes(data.id);
    const sample = new Sample(data, this.run.key, { best: among(best), worst: among(worst), metrics });
    this.shown.set(sample.element, sample);
    this.observer.observe(sample.element);
    return sample.element;
  }

  samples(fresh) {
    const known = new Map(this.answer.samples.map((sample) => [sample.id, sample]));
    for (const sample of fresh) known.set(sample.id, sample);
    this.answer.total += known.size - this.answer.samples.length;
    this.answer.samples = [...known.values()].sort((a, b) => b.step - a.step || a.slot - b.slot);
    this.soon();
  }

  /** Scores come after their samples, and the evaluation after both. */
  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refetch(), 400);
  }

  async refetch() {
    if (this.left || [...this.shown.values()].some((sample) => sample.playing)) return this.left ? null : this.soon();
    await this.load();
    if (!this.left) this.draw();
  }

  leaveSamples() {
    stop();
    this.observer.disconnect();
    this.shown.clear();
  }

  leave() {
    this.left = true;
    clearTimeout(this.timer);
    document.removeEventListener("aurl-colours", this.onColours);
    document.removeEventListener("aurl-whole", this.onWhole);
    this.leaveSamples();
  }
}

