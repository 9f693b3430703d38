// Rooms, units, sites and lines as they are set, and forms to change them while the server runs.

import { get, may, send } from "./api.js";
import { element, table } from "./dom.js";
import { tryRoom } from "./console-try.js";
import { ask, doing } from "./console-talk.js";
import { bits, t } from "./console-words.js";

const FRAMINGS = ["atm", "efm", "plain"];
const MOST_KBPS = 20_000;
/** What pictures get of lines: of a room, or of what a unit is shown; empty: as without it. */
const TERMS = [
  { name: "priority", kind: "number", min: 0, max: 9 },
  { name: "picture_floor_bps", kind: "kbps", min: 0, max: MOST_KBPS },
  { name: "picture_max_bps", kind: "kbps", min: 0, max: MOST_KBPS },
];
const POLICIES = ["multipoint", "point_to_point", "shared"];

/** The fields of each kind: the first names it. `kind` says how it is typed in. */
const FORMS = {
  room: [
    { name: "number", kind: "digits", required: true },
    { name: "name", kind: "text" },
    { name: "pin", kind: "secret" },
    { name: "moderator_pin", kind: "secret" },
    { name: "site", kind: "site" },
    { name: "policy", kind: POLICIES },
    { name: "max_members", kind: "number", min: 0 },
    { name: "aliases", kind: "list" },
    { name: "units", kind: "list" },
    { name: "owner", kind: "text" },
    { name: "lent_to", kind: "list" },
    ...TERMS,
  ],
  endpoint: [
    { name: "number", kind: "digits", required: true },
    { name: "uri", kind: "text", required: true, example: "sip:morez@192.0.2.21" },
    { name: "name", kind: "text" },
    { name: "site", kind: "site" },
    ...TERMS,
  ],
  site: [
    { name: "name", kind: "text", required: true },
    { name: "title", kind: "text" },
    { name: "organisation", kind: "text" },
    { name: "networks", kind: "list", example: "192.0.2.0/24" },
  ],
  line: [
    { name: "name", kind: "text", required: true },
    { name: "site", kind: "site", required: true },
    { name: "down_bps", kind: "kbps", required: true },
    { name: "up_bps", kind: "kbps", required: true },
    { name: "framing", kind: FRAMINGS },
    { name: "networks", kind: "list", example: "192.0.2.0/24" },
    { name: "accounts", kind: "list" },
    { name: "server", kind: "check" },
  ],
};
const KINDS = Object.keys(FORMS);
const COLUMNS = {
  room: ["name", "site", "units"],
  endpoint: ["name", "uri", "site"],
  site: ["title", "organisation"],
  line: ["site", "down_bps", "up_bps", "framing"],
};

/** A value as a person reads it. */
function shown(name, value) {
  if (value === undefined || value === null || value === "") return "–";
  if (name.endsWith("_bps")) return bits(value);
  if (name === "framing") return t(`framing_${value}`);
  if (Array.isArray(value)) return value.join(", ") || "–";
  return String(value);
}

/** What one field of a form is typed into. */
function input(field, value) {
  const id = `field-${field.name}`;
  const common = { id, name: field.name, required: field.required };
  if (Array.isArray(field.kind)) {
    return element("select", common, ...field.kind.map((one) => element("option", { value: one, text: t(`${field.name}_${one}`), selected: one === value })));
  }
  switch (field.kind) {
    case "check":
      return element("input", { ...common, type: "checkbox", checked: value === true });
    case "site":
      return element("input", { ...common, value: value ?? "", list: "sites", autocomplete: "off" });
    case "number":
      return element("input", { ...common, type: "number", min: field.min, max: field.max, value: value ?? "" });
    case "kbps":
      return element("input", { ...common, type: "number", min: field.min ?? 64, max: field.max, step: "any", value: value === undefined ? "" : value / 1000 });
    case "digits":
      return element("input", { ...common, inputmode: "numeric", pattern: "[0-9]{1,20}", value: value ?? "", autocomplete: "off" });
    case "secret":
      return element("input", { ...common, inputmode: "numeric", pattern: "[0-9]{4,12}", value: "", autocomplete: "off", placeholder: value ? t("pin_stays") : "", "data-set": value ? "true" : null });
    case "list":
      return element("input", { ...common, value: (value ?? []).join(", "), placeholder: field.example ?? "", autocomplete: "off" });
    default:
      return element("input", { ...common, value: value ?? "", placeholder: field.example ?? "", autocomplete: "off" });
  }
}

/** What was typed, as the settings file would have it. */
function typed(field, place) {
  const text = place.value.trim();
  if (field.kind === "check") return place.checked;
  if (field.kind === "list") return text.split(/[,;]/).map((one) => one.trim()).filter(Boolean);
  if (field.kind === "kbps") return text ? Math.round(Number(text) * 1000) : null;
  if (field.kind === "number") return text ? Number(text) : null;
  if (field.kind === "secret") return place.closest(".field").querySelector("[type=checkbox]")?.checked ? "" : text || undefined;
  return text;
}

export class House {
  every = 0;

  constructor(place) {
    this.place = place;
    this.sites = element("datalist", { id: "sites" });
    this.tried = element("div");
    this.boxes = Object.fromEntries(KINDS.map((kind) => [kind, element("div")]));
    this.dialog = element("dialog", { "aria-labelledby": "edit-title" });
    place.append(element("div", { class: "head" }, element("h1", { text: t("nav_house") })), element("p", { class: "hint", text: t("house_hint") }), this.tried);
    for (const kind of KINDS) {
      const add = may("administrator") ? element("button", { type: "button", class: "quiet", text: t(`add_${kind}`) }) : null;
      add?.addEventListener("click", () => this.#edit(kind, null));
      place.append(element("div", { class: "head below" }, element("h2", { text: t(`kind_${kind}`) }), add), this.boxes[kind]);
    }
    place.append(this.sites, this.dialog);
  }

  async refresh() {
    const items = may("operator") ? await get("/house") : [];
    this.sites.replaceChildren(...items.filter((one) => one.kind === "site").map((one) => element("option", { value: one.key, label: one.values.title })));
    for (const kind of KINDS) {
      const found = items.filter((one) => one.kind === kind);
      const heads = [t(`field_${FORMS[kind][0].name}`), ...COLUMNS[kind].map((name) => t(`field_${name}`)), t("origin"), t("deeds")];
      const rows = found.map((one) => [one.key, ...COLUMNS[kind].map((name) => shown(name, one.values[name])), this.#origin(one), this.#acts(one)]);
      this.boxes[kind].replaceChildren(rows.length ? table(t(`kind_${kind}`), heads, rows) : element("p", { class: "hint", text: t("none_yet") }));
    }
  }

  #origin(item) {
    if (item.fault) return t("origin_fault", { why: item.fault });
    if (!item.altered) return t("origin_file");
    return t(item.of_file ? "origin_altered" : "origin_console");
  }

  #acts(item) {
    const acts = element("div", { class: "acts" });
    const button = (key, kind, act) => {
      const made = element("button", { type: "button", class: kind, text: t(key), "aria-label": `${t(key)}: ${item.key}` });
      made.addEventListener("click", () => act(made));
      acts.append(made);
    };
    if (item.kind === "endpoint") button("try", "quiet", (made) => tryRoom(made, item.key, this.tried));
    if (!may("administrator")) return acts;
    const path = `/house/${item.kind}/${encodeURIComponent(item.key)}`;
    button("edit", "quiet", () => this.#edit(item.kind, item));
    if (item.altered && (item.of_file || item.fault)) button("undo", "quiet", (made) => this.#do(made, "DELETE", `${path}?undo=true`, item.key));
    button("remove", "danger", async (made) => {
      if (await ask(t("remove_title", { name: item.key }), t("remove_item"), t("remove"))) this.#do(made, "DELETE", path, item.key);
    });
    return acts;
  }

  #do(place, verb, path, name, body) {
    return doing(place, "", t("changed", { name }), async () => {
      await send(verb, path, body);
      await this.refresh();
    });
  }

  /** What takes a secret away that is set: an empty field leaves it as it is. */
  #none(field, place) {
    if (field.kind !== "secret" || !place.dataset.set) return null;
    const box = element("input", { type: "checkbox", id: `none-${field.name}` });
    box.addEventListener("change", () => (place.disabled = box.checked));
    return element("span", { class: "none" }, box, element("label", { for: box.id, text: t("pin_none") }));
  }

  /** A form for one of them; `item` null: for a new one. */
  #edit(kind, item) {
    const values = item?.values ?? {};
    const fields = FORMS[kind].map((field) => {
      const place = input(field, field.kind === "secret" ? item?.secrets.includes(field.name) : values[field.name]);
      if (item && field === FORMS[kind][0]) place.readOnly = true;
      return { field, place };
    });
    const trouble = element("p", { class: "wrong", role: "alert", hidden: true });
    const save = element("button", { type: "submit", class: "primary", text: t("save") });
    const cancel = element("button", { type: "button", class: "quiet", text: t("cancel") });
    cancel.addEventListener("click", () => this.dialog.close());
    const form = element(
      "form",
      { class: "edit" },
      element("h2", { id: "edit-title", text: item ? `${t(`one_${kind}`)} ${item.key}` : t(`add_${kind}`) }),
      trouble,
      ...fields.map(({ field, place }) => element("div", { class: field.kind === "check" ? "field check" : "field" }, element("label", { for: place.id, text: t(`field_${field.name}`) }), place, this.#none(field, place))),
      element("div", { class: "acts" }, cancel, save),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const said = Object.fromEntries(fields.map(({ field, place }) => [field.name, typed(field, place)]).filter(([, value]) => value !== undefined));
      const key = said[FORMS[kind][0].name];
      try {
        // null: as it is without; undefined: as it was
        const all = Object.fromEntries(Object.entries({ ...values, ...said }).filter(([, value]) => value !== null));
        await send("PUT", `/house/${kind}/${encodeURIComponent(key)}`, all);
      } catch (error) {
        trouble.textContent = t("not_done", { why: error.message });
        trouble.hidden = false;
        return;
      }
      this.dialog.close();
      await doing(this.place, "", t("changed", { name: key }), () => this.refresh());
    });
    this.dialog.replaceChildren(form);
    this.dialog.showModal();
  }
}
