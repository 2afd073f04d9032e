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

async function request(path, parameters, signal, options = {}) {
  const search = query(parameters);
  let response;
  try {
    response = await fetch(search ? `${path}?${search}` : path, { signal, credentials: "same-origin", ...options });
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

let secret; // what this server asks of a page that changes something; null where nothing may be changed

/** Whether a person's words about runs, and the trash, may be changed from here. */
export async function writable() {
  if (secret === undefined) secret = (await get("/api/status").catch(() => ({}))).csrf ?? null;
  return secret !== null;
}

export async function post(path, document, again = true) {
  await writable();
  const options = { method: "POST", headers: { "content-type": "application/json", "x-aurl-csrf": secret ?? "" }, body: JSON.stringify(document) };
  try {
    return await (await request(path, {}, undefined, options)).json();
  } catch (error) {
    if (error.status !== 403 || !again) throw error;
    secret = undefined; // the server may have been started again meanwhile
    return post(path, document, false);
  }
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
