// Words between the console and who uses it: what is being done, how it went, and are you sure.

import { find, mark } from "./dom.js";
import { t } from "./console-words.js";

let fade = 0;

/** Tell what was done. */
export function tell(text) {
  clearTimeout(fade);
  find("said").textContent = text;
  if (text) fade = setTimeout(() => tell(""), 8000);
}

/** Tell what went wrong; "" when it no longer does. */
export function complain(text) {
  const place = find("trouble");
  if (place.textContent !== text) place.textContent = text;
  place.hidden = !text;
}

/** Do something once, saying so; true where it went. What stands in `place` waits meanwhile. */
export async function doing(place, before, after, act) {
  if (place.getAttribute("aria-busy") === "true") return false;
  mark(place, "aria-busy", true);
  if (before) tell(before);
  try {
    await act();
    complain("");
    tell(after);
    return true;
  } catch (error) {
    tell("");
    complain(error.status ? t("not_done", { why: error.message }) : t("unreachable"));
    return false;
  } finally {
    mark(place, "aria-busy", null);
  }
}

/** Ask whether something that disturbs people is meant. */
export function ask(title, text, yes) {
  const dialog = find("ask");
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("p").textContent = text;
  dialog.querySelector("[value=yes]").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}
