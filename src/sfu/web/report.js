// What the meetings saved: asks the API for each way to split it, and shows plot and table.

import { get, logIn } from "./api.js";
import { element, find } from "./dom.js";
import { columns, rows } from "./plot.js";
import { day, month, monthParts, number, plain, t, translate } from "./report-words.js";

const WAYS = ["month", "site", "organisation"];
const MONTHS_SHOWN = 60;
const main = document.querySelector("main");
const form = find("days");

/** Ask for one way to split it; throws words for the reader. */
async function ask(days, by) {
  try {
    return await get(`/ledger?${new URLSearchParams({ ...days, by })}`);
  } catch (error) {
    const { status } = error;
    if (!status) throw error;
    const refused = status === 401 || status === 403;
    if (refused) find("login").hidden = false;
    throw new Error(t(refused ? "refused" : status === 400 ? "wrong_days" : "failed", { status }));
  }
}

/** What a row is called. */
function label(view, key) {
  if (view.by === "month") return month(key);
  return view.titles[key] || key || t(`none_${view.by}`);
}

/** A bar for each row; months without a meeting have one too, of nothing. */
function bars(view) {
  const found = view.rows.map((row) => ({ key: row.key, value: row.km, shown: number(row.km), label: label(view, row.key) }));
  if (view.by !== "month") return found.filter((bar) => bar.value > 0).sort((a, b) => b.value - a.value);
  const known = new Map(found.map((bar) => [bar.key, bar]));
  const all = months(view.first_day, view.last_day);
  const kept = all.length <= MONTHS_SHOWN ? all : [...known.keys()];
  return kept.map((key) => ({ value: 0, shown: "", ...known.get(key), ...shortly(key, kept[0]) }));
}

/** A month on the axis: its year stands below the first one and each January. */
function shortly(key, first) {
  const [name, year] = monthParts(key);
  return { label: name, under: key === first || key.endsWith("-01") ? year : "" };
}

function months(first, last) {
  const found = [];
  for (let [year, at] = first.split("-").map(Number); ; at += 1) {
    if (at > 12) [year, at] = [year + 1, 1];
    const key = `${String(year).padStart(4, "0")}-${String(at).padStart(2, "0")}`;
    if (key > last.slice(0, 7) || found.length > MONTHS_SHOWN) return found;
    found.push(key);
  }
}

function line(name, cells) {
  if (name === "head") return element("tr", {}, ...cells.map((text) => element("th", { scope: "col", text })));
  const [first, ...others] = cells;
  return element("tr", {}, element("th", { scope: "row", text: first }), ...others.map((text) => element("td", { text })));
}

const figures = (row) => [number(row.meetings), number(row.people), number(row.minutes), number(row.km), number(row.co2_kg, 1)];

function table(view) {
  const made = element("table", {}, element("caption", { text: t(`by_${view.by}`) }));
  const names = ["meetings", "people", "minutes", "km", "co2"].map((key) => t(key));
  made.append(
    element("thead", {}, line("head", [t(view.by), ...names])),
    element("tbody", {}, ...view.rows.map((row) => line("row", [label(view, row.key), ...figures(row)]))),
    element("tfoot", {}, line("row", [t("total"), ...figures(view.total)])),
  );
  // by keyboard too
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t(`by_${view.by}`) }, made);
}

function section(view, days) {
  const place = find(view.by);
  place.replaceChildren(element("h2", { text: t(`by_${view.by}`) }));
  const shown = bars(view);
  if (shown.length > 0) {
    const texts = {
      title: t("plot", { by: t(`by_${view.by}`).toLowerCase() }),
      description: t("plot_as_table"),
      scale: (value) => number(value),
    };
    const figure = element("figure", {}, (view.by === "month" ? columns : rows)(shown, texts));
    figure.append(element("figcaption", { text: texts.title }));
    place.append(figure);
  }
  if (view.by === "site") place.append(element("p", { text: t("note_site") }));
  const href = `/api/v1/ledger?${new URLSearchParams({ ...days, by: view.by, format: "csv" })}`;
  place.append(table(view), element("a", { class: "csv", href, text: t("table") }));
}

function totals({ total }) {
  const pairs = [
    ["meetings", number(total.meetings)],
    ["people", number(total.people)],
    ["hours", number(total.minutes / 60)],
    ["km", number(total.km)],
    ["tonnes", number(total.co2_kg / 1000, 2)],
  ];
  find("total").replaceChildren(
    ...pairs.map(([key, value]) => element("div", {}, element("dt", { text: t(key) }), element("dd", { text: value }))),
  );
}

function rule(view) {
  const how = view.rule;
  const title = (site) => view.titles[site] || site;
  const people = (n) => t(n === 1 ? "person_1" : "person_n", { n: number(n) });
  const venue = how.venue === "seat" && !how.seat ? "nearest" : how.venue;
  const said = [
    t(`venue_${venue}`, { seat: title(how.seat) }),
    t("cars", {
      people: people(how.people_per_car),
      units: people(how.people_per_unit),
      way: t(how.round_trip ? "round" : "single"),
    }),
    t("co2_rule", { factor: plain(how.co2_kg_per_km) }),
    t("least", { minutes: plain(how.least_minutes) }),
    t("roads"),
  ];
  const pairs = view.unknown_roads.map(([a, b]) => t("and", { a: title(a), b: title(b) }));
  const made = said.map((text) => element("li", { text }));
  if (pairs.length > 0) made.push(element("li", { class: "unknown", text: t("unknown", { pairs: pairs.join(", ") }) }));
  find("rule").replaceChildren(element("h2", { text: t("rule") }), element("ul", {}, ...made));
}

async function show(days) {
  main.setAttribute("aria-busy", "true");
  const trouble = find("trouble");
  trouble.hidden = true;
  find("login").hidden = true;
  try {
    const views = [];
    for (const by of WAYS) views.push(await ask(days, by));
    const [first] = views;
    form.elements.from.value = first.first_day;
    form.elements.to.value = first.last_day;
    const asked = { from: first.first_day, to: first.last_day };
    find("span").textContent = t("span", { first: day(first.first_day), last: day(first.last_day) });
    totals(first);
    for (const view of views) section(view, asked);
    rule(first);
    if (first.total.meetings === 0) throw new Error(t("nothing"));
  } catch (error) {
    trouble.textContent = error.message;
    trouble.hidden = false;
  }
  main.setAttribute("aria-busy", "false");
}

/** The days of the address, so that a report can be sent as a link. */
function daysOfAddress() {
  const asked = new URLSearchParams(location.search);
  return Object.fromEntries(["from", "to"].filter((key) => asked.get(key)).map((key) => [key, asked.get(key)]));
}

translate();
document.title = t("title");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const days = { from: form.elements.from.value, to: form.elements.to.value };
  history.replaceState(null, "", `?${new URLSearchParams(days)}`);
  show(days);
});
find("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const why = await logIn(event.target);
  if (why) find("trouble").textContent = t(why);
  else show(daysOfAddress());
});
find("print").addEventListener("click", () => window.print());
show(daysOfAddress());
