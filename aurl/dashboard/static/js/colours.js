// Colours for canvases, read from the style sheet, so that both follow the theme.

const NAMES = ["ink", "soft", "faint", "rule", "paper", "panel", "accent", "band", "info", "warning", "critical", "fatal"];
export const colours = { line: [] };

export function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of NAMES) colours[name] = style.getPropertyValue(`--${name}`).trim();
  colours.line = Array.from({ length: 8 }, (_, at) => style.getPropertyValue(`--line-${at}`).trim());
}

const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];

/** The n-th of many lines: eight colours that differ for any colour vision, then the same ones dashed. */
export function look(number) {
  return { colour: colours.line[number % colours.line.length], dash: DASHES[Math.floor(number / colours.line.length) % DASHES.length] };
}

export function severity(name) {
  return colours[["info", "warning", "critical", "fatal"].includes(name) ? name : "warning"];
}

/** The same colour, more or less see-through; for `#rrggbb`. */
export function fade(colour, share) {
  const amount = Math.round(share * 255).toString(16).padStart(2, "0");
  return /^#[0-9a-f]{6}$/i.test(colour) ? colour + amount : colour;
}
