// Numbers, times and names as people read them.

/** Python's format specifications as scalars.py uses them: ".4g", ".2%", ".0f". */
export function spec(value, format = ".4g") {
  if (value === null || value === undefined || typeof value !== "number") return value === undefined || value === null ? "" : String(value);
  if (!Number.isFinite(value)) return String(value);
  const match = /^(,?)\.(\d+)([gf%e])$/.exec(format);
  const digits = match ? Number(match[2]) : 4;
  switch (match?.[3] ?? "g") {
    case "%":
      return `${(value * 100).toFixed(digits)}%`;
    case "f":
      return Math.abs(value) < 1e15 ? value.toFixed(digits) : value.toExponential(3);
    case "e":
      return value.toExponential(digits);
    default:
      return general(value, Math.max(1, digits));
  }
}

function general(value, digits) {
  if (value === 0) return "0";
  const exponent = Number(value.toExponential(digits - 1).split("e")[1]);
  if (exponent < -4 || exponent >= digits) {
    const [mantissa, power] = value.toExponential(digits - 1).split("e");
    return `${trim(mantissa)}e${power.replace("+", "")}`;
  }
  return trim(value.toFixed(Math.max(0, digits - 1 - exponent)));
}

const trim = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

/** A value with its unit. */
export function shown(value, about = {}) {
  if (value === null || value === undefined) return "";
  const text = spec(value, about.format);
  return about.unit ? `${text} ${about.unit}` : text;
}

/** Ticks of one axis, as aurl/show/numbers.py writes them: at least four digits, more where two would read alike. */
export function ticks(values) {
  const known = values.filter((value) => typeof value === "number");
  const gaps = known.slice(1).map((value, at) => Math.abs(value - known[at])).filter((gap) => gap > 0);
  const gap = gaps.length ? Math.min(...gaps) : 0;
  return values.map((value) => tick(value, gap));
}

/** A number on an axis: short, with k, M and G for large counts; `gap` is how far the next tick is. */
export function tick(value, gap = 0) {
  if (typeof value !== "number") return "";
  const size = Math.abs(value);
  if (size === 0 || (gap > 0 && size < 1e-9 * gap)) return "0";
  const power = (number) => Math.floor(Math.log10(number));
  const digits = gap > 0 ? Math.min(15, Math.max(4, power(size) - power(gap) + 2)) : 4;
  if (size >= 1e15 || size < 1e-4) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    return `${trim(mantissa)}e${Number(exponent)}`;
  }
  const decimal = (number) => trim(number.toFixed(Math.max(0, digits - 1 - power(Math.abs(number)))));
  if (size >= 1e9) return `${decimal(value / 1e9)}G`;
  if (size >= 1e6) return `${decimal(value / 1e6)}M`;
  if (size >= 1e4) return `${decimal(value / 1e3)}k`;
  return decimal(value);
}

/** 45s, 12min, 2h 15min, 3d 4h. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  if (seconds < 59.5) return `${Math.max(0, Math.round(seconds))}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}min`;
  if (minutes < 1440) return pair(Math.floor(minutes / 60), minutes % 60, "h", "min");
  const hours = Math.round(seconds / 3600);
  return pair(Math.floor(hours / 24), hours % 24, "d", "h");
}

const pair = (large, small, a, b) => (small ? `${large}${a} ${small}${b}` : `${large}${a}`);

const two = (number) => String(number).padStart(2, "0");

export function clock(seconds) {
  const at = new Date(seconds * 1000);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function day(seconds) {
  const at = new Date(seconds * 1000);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** The local time today, the date otherwise. */
export function moment(seconds) {
  if (typeof seconds !== "number") return "";
  const today = day(Date.now() / 1000);
  return day(seconds) === today ? `today ${clock(seconds).slice(0, 5)}` : `${day(seconds)} ${clock(seconds).slice(0, 5)}`;
}

export function bytes(count) {
  if (typeof count !== "number") return "";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (count >= 1000 && at < 4) [count, at] = [count / 1000, at + 1];
  return `${at ? count.toPrecision(3) : count} ${units[at]}`;
}

export const integer = (value) => (typeof value === "number" ? value.toLocaleString("en").replaceAll(",", "\u202f") : "");

/** A config value on one line. */
export function plain(value) {
  if (value === null) return "null";
  if (value === undefined) return "";
  if (typeof value === "number") return Number.isInteger(value) && Math.abs(value) < 1e15 ? String(value) : spec(value, ".6g");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The same for people: an object as its parts, a list as its items. */
export function told(value) {
  if (Array.isArray(value)) return value.map(told).join(", ") || "none";
  if (value && typeof value === "object") return Object.entries(value).map(([key, each]) => `${key} ${told(each)}`).join(", ") || "none";
  return typeof value === "boolean" ? (value ? "yes" : "no") : plain(value);
}

export const plural = (count, one, many = `${one}s`) => `${integer(count)} ${count === 1 ? one : many}`;

/** The last part of a dotted key, with the one before where it says little by itself. */
export function short(key) {
  const parts = key.split(".").filter((part) => part !== "_target_");
  return parts[parts.length - 1] ?? key;
}
