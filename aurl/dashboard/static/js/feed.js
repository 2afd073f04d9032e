// Curves for charts: what becomes visible at the same time is asked for in one request.

import { curves } from "./api.js";

const MOST_NAMES = 64;
const MOST_CURVES = 1000;

export class Feed {
  constructor() {
    this.waiting = new Map(); // what the requests have in common -> [{name, resolve, reject}]
    this.frame = 0;
    this.controller = new AbortController();
  }

  /** The curves of one scalar of these runs, in their order. */
  load(runs, name, { x, smooth, from, to, points }) {
    const common = JSON.stringify({ run: runs, x, smooth: smooth || null, from, to, points });
    return new Promise((resolve, reject) => {
      if (!this.waiting.has(common)) this.waiting.set(common, []);
      this.waiting.get(common).push({ name, resolve, reject });
      if (!this.timer) this.timer = setTimeout(() => this.send(), 8);
    });
  }

  send() {
    this.timer = 0;
    const waiting = this.waiting;
    this.waiting = new Map();
    for (const [common, wanted] of waiting) {
      const parameters = JSON.parse(common);
      const names = [...new Set(wanted.map((each) => each.name))];
      const size = Math.max(1, Math.min(MOST_NAMES, Math.floor(MOST_CURVES / Math.max(1, parameters.run.length))));
      for (let at = 0; at < names.length; at += size) this.ask(parameters, names.slice(at, at + size), wanted);
    }
  }

  async ask(parameters, names, wanted) {
    const mine = wanted.filter((each) => names.includes(each.name));
    try {
      const answer = await curves({ ...parameters, name: names }, this.controller.signal);
      const found = new Map();
      for (const curve of answer.curves) {
        if (!found.has(curve.name)) found.set(curve.name, []);
        found.get(curve.name).push(curve);
      }
      for (const each of mine) each.resolve({ curves: found.get(each.name) ?? [], runs: answer.runs ?? {} });
    } catch (error) {
      for (const each of mine) each.reject(error);
    }
  }

  leave() {
    clearTimeout(this.timer);
    this.controller.abort();
  }
}
