// Building pages. Every string becomes a text node or an attribute: nothing that a run says is ever parsed as HTML.

export { sharp } from "./player.js";

/** h("button.quiet", {onclick, "aria-label": "..."}, "text", node, [nodes]): an element.
 *  Properties that begin with "on" are listeners, `style` is an object set through CSSOM, `data` becomes dataset. */
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) set(element, key, value);
  append(element, children);
  return element;
}

function set(element, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key === "title" || key === "aria-label") value = visible(String(value));
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key === "style") for (const [name, part] of Object.entries(value)) element.style.setProperty(name, part);
  else if (key === "data") Object.assign(element.dataset, value);
  else if (key === "class") element.classList.add(...String(value).split(" ").filter(Boolean));
  else if (key in element && typeof element[key] !== "object" && !key.includes("-")) element[key] = value;
  else element.setAttribute(key, value === true ? "" : value);
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : visible(String(child)));
  }
  return element;
}

// Control characters and marks of text direction, with which a name could pass for another.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text with signs that cannot be seen, or that turn the text around, written out. */
export function visible(text) {
  return text.replace(UNSEEN, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Put these children in the place of those that are there. */
export function fill(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  return append(element, children);
}

/** Tell people who do not see the page. */
export function say(text) {
  const place = document.getElementById("say");
  place.textContent = "";
  requestAnimationFrame(() => (place.textContent = text));
}

export function debounce(milliseconds, act) {
  let timer = 0;
  return (...parts) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...parts), milliseconds);
  };
}

/** Arrow keys move between the elements of a toolbar, tab list or menu (roving tabindex). */
export function roving(container, selector) {
  container.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const items = [...container.querySelectorAll(selector)];
    const at = items.indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    items[(at + step + items.length) % items.length].focus();
  });
}
