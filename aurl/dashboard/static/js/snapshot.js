// A page as one file: the document as it stands, drawings as pictures, style sheets inside, no script.

import { say } from "./dom.js";

/** Draw also what is out of sight, and leave out what is for pressing only. */
export async function whole() {
  document.documentElement.classList.add("still");
  const waits = [];
  document.dispatchEvent(new CustomEvent("aurl-whole", { detail: waits }));
  await Promise.all(waits);
  await new Promise((resolve) => setTimeout(resolve, 120));
}

/** The page as the text of a self-contained HTML file. */
/** The page as the text of a self-contained HTML file. */
export async function snapshot() {
  await whole();
  try {
    return await copied();
  } finally {
    document.documentElement.classList.remove("still");
  }
}

async function copied() {
  const copy = document.documentElement.cloneNode(true);
  freezeCanvases(copy);
  await freezePictures(copy);
  freezeFields(copy);
  await inlineStyles(copy);
  for (const gone of copy.querySelectorAll("script, link, audio, .skip, .tools, noscript, .u-cursor-x, .u-cursor-y, .u-select")) gone.remove();
  copy.dataset.theme = isDark() ? "dark" : "light";
  copy.classList.add("still");
  const main = copy.querySelector("main");
  const line = document.createElement("p");
  line.className = "taken";
  line.textContent = `aurl, ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`;
  main?.append(line);
  for (const link of copy.querySelectorAll("a[href]")) link.removeAttribute("href");
  return `<!doctype html>\n${copy.outerHTML}`;
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function freezeCanvases(copy) {
  const originals = document.querySelectorAll("canvas");
  copy.querySelectorAll("canvas").forEach((canvas, at) => {
    const picture = document.createElement("img");
    const original = originals[at];
    if (original.width && original.height) picture.src = original.toDataURL("image/png");
    picture.alt = original.getAttribute("aria-label") ?? "";
    picture.className = `${original.className} frozen`.trim();
    picture.style.setProperty("width", `${original.clientWidth}px`);
    picture.style.setProperty("height", `${original.clientHeight}px`);
    canvas.replaceWith(picture);
  });
}

async function freezePictures(copy) {
  for (const picture of copy.querySelectorAll("img")) {
    const source = picture.getAttribute("src") ?? "";
    if (!source.startsWith("data:")) picture.src = await asData(source);
  }
}

async function asData(address) {
  try {
    const blob = await (await fetch(address)).blob();
    return await new Promise((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.onerror = () => resolve("");
      reader.readAsDataURL(blob);
    });
  } catch {
    return "";
  }
}

/** A copy has the fields' first values; what was typed since is a property. */
function freezeFields(copy) {
  const originals = document.querySelectorAll("input, select, textarea");
  copy.querySelectorAll("input, select, textarea").forEach((field, at) => {
    const original = originals[at];
    if (field.tagName === "SELECT") [...field.options].forEach((option, place) => option.toggleAttribute("selected", place === original.selectedIndex));
    else if (original.type === "checkbox") field.toggleAttribute("checked", original.checked);
    else field.setAttribute("value", original.value);
    field.setAttribute("disabled", "");
  });
}

async function inlineStyles(copy) {
  const texts = [];
  for (const sheet of document.styleSheets) texts.push([...sheet.cssRules].map((rule) => rule.cssText).join("\n"));
  const style = document.createElement("style");
  style.textContent = texts.join("\n");
  copy.querySelector("head").append(style);
}

export async function savePage() {
  const text = await snapshot();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/html" }));
  link.download = `${document.title.replace(/[^\w.-]+/g, "_").slice(0, 80) || "aurl"}.html`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  say("Saved");
}
