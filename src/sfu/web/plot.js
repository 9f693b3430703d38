// Bars as SVG: upright for time, lying for names.  Knows nothing of what they mean.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 720;

function make(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function frame(height, title, description) {
  const id = `plot-${title.replace(/\W+/g, "-")}`;
  const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-labelledby": `${id}-t ${id}-d` });
  svg.append(make("title", { id: `${id}-t` }, title), make("desc", { id: `${id}-d` }, description));
  return svg;
}

/** The next round number: 1, 2 or 5 with noughts. */
export function ceiling(most) {
  if (!(most > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((step) => step * unit).find((step) => step >= most);
}

/** Upright bars; `bars` are {label, under, value, shown}, `scale` writes a number of the axis. */
export function columns(bars, { title, description, scale }) {
  const [left, top, bottom, height] = [64, 24, 46, 260];
  const svg = frame(height, title, description);
  const most = ceiling(Math.max(...bars.map((bar) => bar.value)));
  const y = (value) => height - bottom - (value / most) * (height - top - bottom);
  for (const part of [0, 0.5, 1]) {
    svg.append(
      make("line", { class: "grid", x1: left, x2: WIDTH, y1: y(most * part), y2: y(most * part) }),
      make("text", { x: left - 8, y: y(most * part) + 4, "text-anchor": "end" }, scale(most * part)),
    );
  }
  const step = (WIDTH - left) / bars.length;
  const wide = Math.min(step * 0.64, 56);
  const every = Math.ceil(bars.length / 12);
  bars.forEach((bar, index) => {
    const middle = left + step * (index + 0.5);
    svg.append(make("rect", { class: "bar", x: middle - wide / 2, y: y(bar.value), width: wide, height: y(0) - y(bar.value), rx: 2 }));
    if (bar.value > 0 && bars.length <= 12) {
      svg.append(make("text", { class: "value", x: middle, y: y(bar.value) - 6, "text-anchor": "middle" }, bar.shown));
    }
    if (index % every === 0) {
      svg.append(make("text", { x: middle, y: height - bottom + 18, "text-anchor": "middle" }, bar.label));
    }
    if (bar.under) svg.append(make("text", { x: middle, y: height - bottom + 36, "text-anchor": "middle" }, bar.under));
  });
  return svg;
}

/** Lying bars, one below the other, for names. */
export function rows(bars, { title, description }) {
  const [left, right, step] = [220, 96, 30];
  const svg = frame(bars.length * step + 8, title, description);
  const most = Math.max(...bars.map((bar) => bar.value)) || 1;
  bars.forEach((bar, index) => {
    const y = index * step + 4;
    const width = (bar.value / most) * (WIDTH - left - right);
    const label = bar.label.length > 30 ? `${bar.label.slice(0, 29)}…` : bar.label;
    svg.append(
      make("text", { x: left - 10, y: y + 19, "text-anchor": "end" }, label),
      make("rect", { class: "bar", x: left, y: y + 4, width, height: step - 10, rx: 2 }),
      make("text", { class: "value", x: left + width + 8, y: y + 19 }, bar.shown),
    );
  });
  return svg;
}

/**
 * Curves over time. `series` are {name, kind, points}: kind is area, curve or bound, points are
 * [x, y] with x within `span`; `marks` are x where something is to be seen below the axis.
 */
export function curves(series, { title, description, scale, span, tick, marks }) {
  const [left, top, bottom, height] = [92, 34, 40, 250];
  const svg = frame(height, title, description);
  const [from, to] = span;
  const most = ceiling(Math.max(...series.flatMap((one) => one.points.map(([, y]) => y))));
  const x = (value) => left + ((Math.max(value, from) - from) / (to - from)) * (WIDTH - left - 12);
  const y = (value) => height - bottom - (value / most) * (height - top - bottom);
  for (const part of [0, 0.5, 1]) {
    svg.append(
      make("line", { class: "grid", x1: left, x2: WIDTH - 12, y1: y(most * part), y2: y(most * part) }),
      make("text", { x: left - 8, y: y(most * part) + 4, "text-anchor": "end" }, scale(most * part)),
    );
  }
  for (let at = 0; at <= 4; at += 1) {
    const value = from + ((to - from) * at) / 4;
    svg.append(make("text", { x: x(value), y: height - bottom + 26, "text-anchor": at === 4 ? "end" : "middle" }, tick(value)));
  }
  for (const { kind, points } of series) {
    const path = points.filter(([at]) => at >= from).map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
    if (path.length === 0) continue;
    if (kind === "area") {
      const [first, last] = [path[0].split(",")[0], path.at(-1).split(",")[0]];
      svg.append(make("polygon", { class: "area", points: `${first},${y(0)} ${path.join(" ")} ${last},${y(0)}` }));
    }
    svg.append(make("polyline", { class: kind, points: path.join(" ") }));
  }
  for (const at of marks.filter((one) => one >= from)) {
    svg.append(make("rect", { class: "mark", x: x(at) - 2, y: height - bottom + 4, width: 4, height: 6 }));
  }
  let place = left;
  for (const { name, kind } of series) {
    svg.append(
      make("line", { class: kind, x1: place, x2: place + 24, y1: 14, y2: 14 }),
      make("text", { x: place + 30, y: 18 }, name),
    );
    place += 54 + 7.4 * name.length;
  }
  return svg;
}
