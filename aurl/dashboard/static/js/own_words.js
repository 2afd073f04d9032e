// A person's own words about a run, at the head of its page: star, name, tags, note; and the way to the trash.

import { post, writable } from "./api.js";
import { fill, h, say } from "./dom.js";
import { tags } from "./parts.js";

export class OwnWords {
  /** @param page has {key, row, words: {notes, version}}; @param onchange() the row has other words now. */
  constructor(page, onchange) {
    Object.assign(this, { page, onchange, editing: "" });
    this.title = h("div.head");
    this.note = h("div.own-note");
    this.fault = h("p.fault", { role: "alert", hidden: true });
    this.element = h("div", {}, this.title, this.note, this.fault);
    writable().then((may) => {
      this.may = may;
      this.draw();
    });
  }

  /** @param beside what stands in the line of the name: its id, its status. */
  draw(beside = this.beside) {
    this.beside = beside;
    if (this.editing) return; // not under somebody's hands
    const { row, words } = this.page;
    fill(this.title, this.may && this.star(), h("h1", {}, row.name),
      this.may && h("button.quiet", { type: "button", onclick: () => this.rename() }, "Rename"),
      beside, row.archived && h("span.tag", {}, "archived"), this.tagList(),
      this.may && h("span.push.toolbar", {},
        h("button.quiet", { type: "button", onclick: () => this.change({ archived: !row.archived }) }, row.archived ? "Unarchive" : "Archive"),
        row.status !== "running" && this.trash()));
    fill(this.note, words.notes && h("p.note-text", {}, words.notes), this.may && h("button.quiet", { type: "button", onclick: () => this.write() }, words.notes ? "Edit note" : "Add a note"));
  }

  star() {
    const { star } = this.page.row;
    return h("button.quiet.star", { type: "button", "aria-pressed": String(Boolean(star)), "aria-label": "Star", title: star ? "Take the star away" : "Give it a star", onclick: () => this.change({ star: !star }) }, star ? "\u2605" : "\u2606");
  }

  tagList() {
    const { row } = this.page;
    if (!this.may) return tags(row.tags);
    const add = h("input", { type: "text", placeholder: "add a tag", "aria-label": "Add a tag", maxLength: 60, onkeydown: (event) => event.key === "Enter" && add.value.trim() && this.change({ add_tags: [add.value.trim()] }) });
    return h("span.tag-list", {}, row.tags.map((tag) => h("span.tag", { title: tag }, tag, h("button", { type: "button", "aria-label": `Take away the tag ${tag}`, onclick: () => this.change({ remove_tags: [tag] }) }, "\u00d7"))), add);
  }

  rename() {
    const { row } = this.page;
    const field = h("input", { type: "text", value: row.own_name || row.name, maxLength: 200, "aria-label": "Name of this run", onkeydown: (event) => this.keys(event, () => this.change({ name: field.value })) });
    this.edit("name", this.title, field, () => this.change({ name: field.value }), "The name that is shown; the folder stays. Empty: the run's own.");
  }

  write() {
    const field = h("textarea", { rows: 6, maxLength: 100_000, "aria-label": "Note", onkeydown: (event) => event.key === "Escape" && this.stop() }, this.page.words.notes);
    this.edit("note", this.note, field, () => this.change({ notes: field.value }));
  }

  edit(what, place, field, save, hint = "") {
    this.editing = what;
    fill(place, field, h("span.toolbar", {}, h("button.main", { type: "button", onclick: save }, "Save"), h("button", { type: "button", onclick: () => this.stop() }, "Cancel"), h("span.quiet-text", {}, hint)));
    field.focus();
  }

  keys(event, save) {
    if (event.key === "Enter") save();
    if (event.key === "Escape") this.stop();
  }

  stop() {
    this.editing = "";
    this.fault.hidden = true;
    this.draw();
  }

  trash() {
    const button = h("button.quiet", { type: "button", onclick: () => this.throwAway(button) }, "Move to trash");
    return button;
  }

  async throwAway(button) {
    if (button.dataset.asked !== "yes") {
      button.dataset.asked = "yes";
      button.textContent = "Really move it to the trash?";
      return;
    }
    try {
      const { moved, refused } = await post("/api/trash", { runs: [this.page.key] });
      if (refused[this.page.key]) throw new Error(refused[this.page.key]);
      say("Moved to the trash");
      this.page.tell(`This run lies in the trash now. To bring it back: aurl runs restore ${moved[this.page.key]}`);
      button.remove();
    } catch (error) {
      this.tell(error);
    }
  }

  async change(changes) {
    const { key, words } = this.page;
    try {
      const { runs } = await post("/api/annotate", { runs: [key], ...changes, seen: words.version });
      const { notes, version, ...rest } = runs[key];
      if (!rest.own_name) delete rest.name; // the run's own name comes with the next look
      Object.assign(this.page.row, rest);
      this.page.words = { notes, version };
      say("Saved");
      this.stop();
      this.onchange();
    } catch (error) {
      this.tell(error);
    }
  }

  tell(error) {
    this.fault.hidden = false;
    this.fault.textContent = error.message;
  }
}
