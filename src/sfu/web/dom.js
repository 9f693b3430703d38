// Elements found, made and kept up to date.  Knows nothing of what they show.

/** The element of this id. */
export const find = (id) => document.getElementById(id);

/** Make an element: `props` are attributes; `on...` are listeners, `class` and `text` as they say. */
export function element(name, props = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "text") made.textContent = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Write a text only where it is another: who reads aloud is not woken each second. */
export function say(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/** Set an attribute only where it is another; null takes it away. */
export function mark(place, name, value) {
  if (value === null || value === false) place.removeAttribute(name);
  else if (place.getAttribute(name) !== String(value)) place.setAttribute(name, value);
}

/** One child for each item, by key, in their order; those that stay keep focus and state. */
export class Keyed {
  #known = new Map();
  #place;
  #make;

  constructor(place, make) {
    this.#place = place;
    this.#make = make;
  }

  update(items, keyOf) {
    const keys = new Set(items.map(keyOf));
    for (const [key, one] of this.#known) {
      if (keys.has(key)) continue; // first: who stays is moved only where the order is another
      one.root.remove();
      this.#known.delete(key);
    }
    let before = null;
    for (const item of items) {
      const key = keyOf(item);
      const one = this.#known.get(key) ?? this.#make(item);
      this.#known.set(key, one);
      const next = before ? before.nextSibling : this.#place.firstChild;
      if (next !== one.root) this.#place.insertBefore(one.root, next);
      one.update(item);
      before = one.root;
    }
  }
}

/** A bar of how much of something is used, for eyes and for readers. */
export class Meter {
  constructor(label) {
    this.fill = element("i");
    this.root = element("div", { class: "meter", role: "meter", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 }, this.fill);
  }

  /** `part` of 1; `kind` is calm, full or over; `text` is read aloud for the figure. */
  set(part, kind = "calm", text = "") {
    const percent = Math.round(100 * Math.min(Math.max(part, 0), 1));
    this.fill.style.transform = `scaleX(${percent / 100})`;
    mark(this.root, "aria-valuenow", percent);
    mark(this.root, "aria-valuetext", text || null);
    mark(this.root, "data-kind", kind);
  }
}

/** A table that scrolls within itself: `heads` are texts, `rows` arrays of texts or elements. */
export function table(caption, heads, rows) {
  const cells = (row) =>
    row.map((cell, at) => {
      const made = element(at === 0 ? "th" : "td", at === 0 ? { scope: "row" } : {});
      made.append(cell);
      return made;
    });
  return element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    element(
      "table",
      {},
      element("caption", { text: caption }),
      element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", { scope: "col", text })))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...cells(row)))),
    ),
  );
}
