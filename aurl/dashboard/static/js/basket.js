// What can be done with the selected runs: tags, archive, trash.

import { post } from "./api.js";
import { h, say } from "./dom.js";
import { plural } from "./format.js";

const MOST = 200; // runs in one request

/** @param page has {selected, rows, refresh(), select(keys, on)}. */
export function basketTools(page) {
  const keys = [...page.selected].slice(0, MOST);
  const fault = h("span.fault", { role: "alert" });
  const act = async (path, document, said) => {
    try {
      const { refused = {} } = await post(path, { runs: keys, ...document });
      const reasons = Object.values(refused);
      say(said);
      await page.refresh();
      fault.textContent = reasons.length ? `${plural(reasons.length, "run")} not moved: ${reasons[0]}` : "";
      if (path === "/api/trash" && !reasons.length) page.select(keys, false);
    } catch (error) {
      fault.textContent = error.message;
    }
  };
  const tag = h("input", { type: "text", placeholder: "tag", "aria-label": "Tag the selected runs", maxLength: 60, size: 10, onkeydown: (event) => event.key === "Enter" && tag.value.trim() && act("/api/annotate", { add_tags: [tag.value.trim()] }, "Tagged") });
  const all = keys.every((key) => page.rows.get(key)?.archived);
  const trash = h("button.quiet", { type: "button", onclick: () => {
    if (trash.dataset.asked === "yes") return act("/api/trash", {}, "Moved to the trash");
    trash.dataset.asked = "yes";
    trash.textContent = `Really move ${plural(keys.length, "run")} to the trash?`;
  } }, "Move to trash");
  return [tag, h("button.quiet", { type: "button", onclick: () => act("/api/annotate", { archived: !all }, all ? "Listed again" : "Archived") }, all ? "Unarchive" : "Archive"), trash, fault];
}
