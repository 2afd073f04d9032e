// What a page in one file does by itself; player.js stands before it in the same script.

// Pointing at a group lights it up in every picture and table.
const groups = [...document.querySelectorAll("[data-group]")];
const pick = (name) => {
  document.body.classList.toggle("picked", name !== null);
  for (const one of groups) one.classList.toggle("lit", one.dataset.group === name);
};
for (const one of groups) {
  for (const event of ["pointerenter", "focus"]) one.addEventListener(event, () => pick(one.dataset.group));
  for (const event of ["pointerleave", "blur"]) one.addEventListener(event, () => pick(null));
}

const players = [...document.querySelectorAll("figure.sample[data-notes]")].map((figure) => {
  const player = new Player(figure.querySelector(".roll"), figure.querySelector("button"), JSON.parse(figure.dataset.notes));
  player.draw();
  return player;
});
const redraw = () => players.forEach((player) => player.draw());
window.addEventListener("resize", redraw);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
