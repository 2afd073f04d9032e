// Requests to the server that served this page.

/** A failed request, with the server's own sentence. */
export class Failed extends Error {
  constructor(message, status, at) {
    super(message);
    this.status = status;
    this.at = at;
  }
}

/** query({run: [a, b], name: "x", to: null}) -> "run=a&run=b&name=x" */
export function query(parameters) {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") search.append(key, each);
    }
  }
  return search.toString();
}

async function request(path, parameters, signal) {
  const search = query(parameters);
  let response;
  try {
    response = await fetch(search ? `${path}?${search}` : path, { signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failed("The server does not answer. It may have been stopped; this page goes on by itself when it is back.", 0);
  }
  if (response.ok) return response;
  let told = {};
  try {
    told = await response.json();
  } catch {
    told = {}; // not the server's own answer
  }
  throw new Failed(told.error ?? `The server answered ${response.status}.`, response.status, told.at);
}

export async function get(path, parameters = {}, signal) {
  return (await request(path, parameters, signal)).json();
}

/** Curves in the binary format: arrays of numbers come as Float64Array, without parsing. */
export async function curves(parameters, signal) {
  const response = await request("/api/curves", { ...parameters, format: "binary" }, signal);
  return unpack(await response.arrayBuffer());
}

const ARRAYS = ["x", "y", "smooth", "step"];

export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const document = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const start = Math.ceil((4 + length) / 8) * 8;
  const numbers = new Float64Array(buffer, start, Math.floor((buffer.byteLength - start) / 8));
  for (const curve of document.curves) {
    for (const key of ARRAYS) {
      // A copy, so that one small curve does not keep the answer of all of them.
      if (Array.isArray(curve[key])) curve[key] = numbers.slice(curve[key][0], curve[key][0] + curve[key][1]);
    }
  }
  return document;
}
