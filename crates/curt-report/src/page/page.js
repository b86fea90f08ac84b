"use strict";
// light, dark, or as the system says
(() => {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const words = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" };
  const next = { auto: "light", light: "dark", dark: "auto" };
  let theme = "auto";
  try {
    theme = localStorage.getItem("curt-report-theme") || "auto";
  } catch {
    // a page without storage forgets
  }
  const show = () => {
    if (!(theme in next)) theme = "auto";
    if (theme === "auto") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
    button.textContent = words[theme];
  };
  button.addEventListener("click", () => {
    theme = next[theme];
    show();
    try {
      localStorage.setItem("curt-report-theme", theme);
    } catch {
      // as above
    }
  });
  button.hidden = false;
  show();
})();
// the numbers under the pointer, read from the table of the chart
for (const figure of document.querySelectorAll("figure.chart")) {
  const svg = figure.querySelector("svg[data-low]");
  if (!svg) continue;
  const heads = [...figure.querySelectorAll("thead th")].map((head) => head.textContent);
  const rows = [...figure.querySelectorAll("tbody tr")];
  const places = rows.map((row) => Number(row.firstElementChild.dataset.x));
  const readout = figure.querySelector(".readout");
  const cursor = svg.querySelector(".cursor");
  const plot = figure.querySelector(".plot");
  const { low, high, left, width, log } = svg.dataset;
  const inset = log === "1" ? 12 / 560 : 0;
  const map = (value) => (log === "1" ? Math.log2(value) : value);
  const start = Number(left) + inset;
  const span = Number(width) - 2 * inset;
  const from = map(Number(low));
  const to = map(Number(high));
  const share = (value) => start + (span * (map(value) - from)) / (to - from);
  let shown = -1;
  const show = (row) => {
    shown = row;
    readout.replaceChildren();
    if (row < 0) {
      cursor.style.visibility = "hidden";
      return;
    }
    cursor.style.visibility = "visible";
    cursor.setAttribute("transform", `translate(${(560 * share(places[row])).toFixed(1)} 0)`);
    [...rows[row].children].forEach((cell, column) => {
      if (!cell.textContent) return;
      const part = document.createElement("span");
      part.textContent = `${heads[column]} ${cell.textContent}`;
      readout.append(part);
    });
  };
  const nearest = (event) => {
    const box = plot.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width;
    let best = 0;
    places.forEach((place, row) => {
      if (Math.abs(share(place) - at) < Math.abs(share(places[best]) - at)) best = row;
    });
    return best;
  };
  // over the drawing, so that its title is not shown as well
  const glass = document.createElement("div");
  glass.className = "glass";
  glass.tabIndex = 0;
  glass.setAttribute("role", "group");
  glass.setAttribute("aria-label", `${figure.querySelector("h3").textContent}: arrow keys read the numbers`);
  glass.addEventListener("pointermove", (event) => show(nearest(event)));
  glass.addEventListener("pointerdown", (event) => show(nearest(event)));
  glass.addEventListener("pointerleave", () => show(-1));
  glass.addEventListener("blur", () => show(-1));
  glass.addEventListener("keydown", (event) => {
    const last = rows.length - 1;
    const to = { ArrowRight: Math.min(shown + 1, last), ArrowLeft: Math.max(shown - 1, 0), Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  });
  plot.append(glass);
}
