// What one leg's pictures get of its line: said in a line, and set for as long as the member is in.

import { may, send } from "./api.js";
import { element, say } from "./dom.js";
import { doing } from "./console-talk.js";
import { bits, t } from "./console-words.js";

const HIGHEST = 9;
const MOST_KBPS = 20_000;
/** Keys of the API; `per` is what one step of the field is, in the API's unit. */
const TERMS = [
  { name: "priority", per: 1, max: HIGHEST },
  { name: "picture_floor_bps", per: 1000, max: MOST_KBPS },
  { name: "picture_max_bps", per: 1000, max: MOST_KBPS },
];

/** The terms in a few words; what is not limited is not named. */
function told(terms) {
  const parts = [t("terms_priority", terms)];
  if (terms.picture_floor_bps) parts.push(t("terms_floor", { rate: bits(terms.picture_floor_bps) }));
  if (terms.picture_max_bps) parts.push(t("terms_most", { rate: bits(terms.picture_max_bps) }));
  return parts.join(" · ");
}

export class Terms {
  #fields = [];

  constructor(member) {
    this.path = `/members/${encodeURIComponent(member)}`;
    this.words = element(may("operator") ? "summary" : "p");
    this.root = may("operator") ? element("details", { class: "terms" }, this.words, this.#form(member)) : element("div", { class: "terms" }, this.words);
    this.root.addEventListener("toggle", () => this.#forget());
  }

  #form(member) {
    this.#fields = TERMS.map((term) => {
      const id = `${term.name}-${member}`;
      const place = element("input", { id, name: term.name, type: "number", min: 0, max: term.max, step: term.per === 1 ? 1 : "any", required: true, autocomplete: "off" });
      return { ...term, place, written: "", root: element("div", { class: "field" }, element("label", { for: id, text: t(`field_${term.name}`) }), place) };
    });
    const as = element("button", { type: "button", class: "quiet", text: t("terms_as_set") });
    const set = element("button", { type: "submit", class: "primary", text: t("terms_set") });
    const form = element("form", {}, ...this.#fields.map((one) => one.root), element("div", { class: "acts" }, as, set));
    as.addEventListener("click", () => this.#have(form, "terms_as_set_done", Object.fromEntries(TERMS.map(({ name }) => [name, null]))));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#have(form, "terms_done", this.#typed());
    });
    return form;
  }

  /** Only what was typed anew: the rest goes on as the settings say, whatever they say later. */
  #typed() {
    const anew = this.#fields.filter((one) => one.place.value !== one.written);
    return Object.fromEntries(anew.map(({ name, per, place }) => [name, Math.round(Number(place.value) * per)]));
  }

  async #have(form, done, wish) {
    if (await doing(form, "", t(done, this.leg), () => send("PATCH", this.path, wish))) this.#forget();
  }

  /** What was typed is said, or given up: fields follow what holds again. */
  #forget() {
    for (const one of this.#fields) one.written = one.place.value;
  }

  update(leg) {
    this.leg = leg;
    say(this.words, told(leg.terms));
    for (const one of this.#fields) {
      if (one.place.value !== one.written) continue; // somebody is typing
      const value = String(leg.terms[one.name] / one.per);
      if (one.place.value !== value) one.place.value = value;
      one.written = value;
    }
  }
}
