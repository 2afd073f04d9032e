// What curves are called: exactly what tells their runs apart, values as they were typed.

import { plain } from "./format.js";

const MOST_KEYS = 100; // in one label; what differs in more than that is told apart by name
const UNSET = "\u0000";

/**
 * A label for each group of runs, no two alike: `lr=0.003, model=vae`.
 * @param groups rows of runs, those of a group alike but for the seed; @param keys config keys that may differ.
 */
export function labels(groups, keys) {
  const telling = tellingKeys(groups, keys);
  const brief = groups.map((rows) => settings(rows, telling, lonely(groups, telling)));
  const full = distinct(brief) ? brief : groups.map((rows) => settings(rows, telling, new Map()));
  return distinct(full) ? full : apart(groups, full);
}

const distinct = (texts) => texts.every(Boolean) && new Set(texts).size === texts.length;

const valueOf = ([row], key) => (row.config?.[key] === undefined ? UNSET : plain(row.config[key]));

/** The keys in which groups differ, without those that a choice brings with it: where the model tells, its sizes do not. */
function tellingKeys(groups, keys) {
  const found = new Map();
  for (const key of keys) {
    if (/(^|\.)seed$/.test(key)) continue;
    const values = groups.map((rows) => valueOf(rows, key));
    const known = [...new Set(values)];
    if (known.length > 1) found.set(key, values.map((value) => known.indexOf(value)).join());
  }
  const chosen = new Map(); // by group: `model/size` is chosen for the keys of `model`
  for (const key of found.keys()) if (key.includes("/")) chosen.set(key.split("/")[0], [...(chosen.get(key.split("/")[0]) ?? []), key]);
  const above = (key) => key.split(".").slice(0, -1).flatMap((_, at, parts) => {
    const group = parts.slice(0, at + 1).join(".");
    return [group, `${group}._target_`, ...(chosen.get(group) ?? [])];
  });
  const brought = (key) => above(key).some((choice) => choice !== key && found.get(choice) === found.get(key));
  return [...found.keys()].filter((key) => !brought(key)).slice(0, MOST_KEYS);
}

/** The keys in which all groups but one agree, with their common value: told of the one alone, where there are many. */
function lonely(groups, keys) {
  const common = new Map();
  if (groups.length < 4) return common;
  for (const key of keys) {
    const values = groups.map((rows) => valueOf(rows, key));
    const usual = [...new Set(values)].find((value) => values.filter((each) => each === value).length === values.length - 1);
    if (usual !== undefined) common.set(key, usual);
  }
  return common;
}

function settings(rows, keys, common) {
  const names = shortNames(keys);
  const parts = keys.map((key, at) => [names[at], key, valueOf(rows, key)]).filter(([, key, value]) => value !== common.get(key));
  return parts.filter(([, , value]) => value !== UNSET).map(([name, key, value]) => `${name}=${key.endsWith("_target_") ? value.split(".").pop() : value}`).join(", ");
}

/** The last parts of each key, as many as tell it from the others; `model` of `model.name`. */
export function shortNames(keys) {
  const words = keys.map((key) => key.split(".")).map((parts) => (parts.length > 1 && ["_target_", "name"].includes(parts[parts.length - 1]) ? parts.slice(0, -1) : parts));
  const tail = (parts, count) => parts.slice(-count).join(".");
  return words.map((parts, at) => {
    for (let count = 1; count <= parts.length; count += 1) {
      if (words.filter((other) => tail(other, count) === tail(parts, count)).length === 1) return tail(parts, count);
    }
    return keys[at];
  });
}

/** Runs of one setting, told apart by seed, else by name, else by id, else by their folder. */
function apart(groups, texts) {
  const ways = [([row]) => (row.seed === null || row.seed === undefined ? "" : `seed=${plain(row.seed)}`), ([row]) => row.name, ([row]) => row.id, ([row]) => row.path];
  for (const way of ways) {
    const found = groups.map((rows, at) => [texts[at], way(rows)].filter(Boolean).join(", "));
    if (distinct(found)) return found;
  }
  return groups.map((rows, at) => [texts[at], rows[0].path].filter(Boolean).join(", "));
}
