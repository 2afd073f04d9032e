// Free text over the rows of the table: words that must all be there, or a regular expression between slashes.

import { plain } from "./format.js";

/** What is searched of a run: its names, tags, note, model, host, and its settings as key=value. */
const words = (row) => [row.name, row.id, row.path, row.status, row.model, row.host, row.notes, ...(row.tags ?? []), ...Object.entries(row.config ?? {}).map(([key, value]) => `${key}=${plain(value)}`)].join("\n");

/** A test of rows. @throws SyntaxError where it is no regular expression. */
export function searcher(text) {
  const pattern = /^\/(.+)\/$/.exec(text.trim());
  if (pattern) {
    const expression = new RegExp(pattern[1], "im");
    return (row) => expression.test(words(row));
  }
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (row) => {
    const told = words(row).toLowerCase();
    return wanted.every((word) => told.includes(word));
  };
}
