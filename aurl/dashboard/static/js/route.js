// Addresses: #/run/KEY/music?smooth=0.9. The part behind the question mark is the page's own.

export function parse(hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(safely);
  const parameters = new URLSearchParams(search);
  if (parts[0] === "run") return { page: "run", key: parts[1] ?? "", tab: parts[2] ?? "charts", parameters };
  return { page: ["compare", "alerts"].includes(parts[0]) ? parts[0] : "runs", key: "", tab: "", parameters };
}

function safely(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const runAddress = (key, tab = "") => `#/run/${encodeURIComponent(key)}${tab ? `/${tab}` : ""}`;

/** Keep the page's state in its address, so that it can be sent to somebody, without a new entry in the history. */
export function remember(changes) {
  const [path, search = ""] = (location.hash || "#/").split("?");
  const parameters = new URLSearchParams(search);
  for (const [name, value] of Object.entries(changes)) {
    parameters.delete(name);
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== "" && each !== null && each !== undefined && each !== false) parameters.append(name, each);
    }
  }
  const text = parameters.toString();
  history.replaceState(null, "", text ? `${path}?${text}` : path);
}
