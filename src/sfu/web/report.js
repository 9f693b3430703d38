// What the meetings saved: asks the API for each way to split it, and shows plot and table.

import { columns, rows } from "./plot.js";
import { day, month, monthParts, number, plain, t, translate } from "./report-words.js";

const WAYS = ["month", "site", "organisation"];
const MONTHS_SHOWN = 60;
const find = (id) => document.getElementById(id);
const main = document.querySelector("main");
const form = find("days");

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

/** Ask for one way to split it; throws words for the reader. */
async function ask(days, by) {
  const answer = await fetch(`/api/v1/ledger?${new URLSearchParams({ ...days, by })}`);
  if (answer.ok) return answer.json();
  if (answer.status === 401 || answer.status === 403) {
    find("login").hidden = false;
    throw new Error(t("refused"));
  }
  throw new Error(answer.status === 400 ? t("wrong_days") : t("failed", { status: answer.status }));
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
  const [first, ...others] = cells;
  const head = element("th", first);
  head.scope = name === "head" ? "col" : "row";
  const made = others.map((cell) => {
    const one = element(name === "head" ? "th" : "td", cell);
    if (name === "head") one.scope = "col";
    return one;
  });
  return element("tr", "", head, ...made);
}

const figures = (row) => [number(row.meetings), number(row.people), number(row.minutes), number(row.km), number(row.co2_kg, 1)];

function table(view) {
  const made = element("table", "", element("caption", t(`by_${view.by}`)));
  const names = ["meetings", "people", "minutes", "km", "co2"].map((key) => t(key));
  made.append(
    element("thead", "", line("head", [t(view.by), ...names])),
    element("tbody", "", ...view.rows.map((row) => line("row", [label(view, row.key), ...figures(row)]))),
    element("tfoot", "", line("row", [t("total"), ...figures(view.total)])),
  );
  return element("div", "", made);
}

function section(view, days) {
  const place = find(view.by);
  place.replaceChildren(element("h2", t(`by_${view.by}`)));
  const shown = bars(view);
  if (shown.length > 0) {
    const texts = {
      title: t("plot", { by: t(`by_${view.by}`).toLowerCase() }),
      description: t("plot_as_table"),
      scale: (value) => number(value),
    };
    const figure = element("figure", "", (view.by === "month" ? columns : rows)(shown, texts));
    figure.append(element("figcaption", texts.title));
    place.append(figure);
  }
  if (view.by === "site") place.append(element("p", t("note_site")));
  const scroll = table(view);
  scroll.className = "scroll";
  scroll.tabIndex = 0; // by keyboard too
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", t(`by_${view.by}`));
  const csv = element("a", t("table"));
  csv.href = `/api/v1/ledger?${new URLSearchParams({ ...days, by: view.by, format: "csv" })}`;
  csv.className = "csv";
  place.append(scroll, csv);
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
    ...pairs.map(([key, value]) => element("div", "", element("dt", t(key)), element("dd", value))),
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
  const made = said.map((text) => element("li", text));
  if (pairs.length > 0) {
    const unknown = element("li", t("unknown", { pairs: pairs.join(", ") }));
    unknown.className = "unknown";
    made.push(unknown);
  }
  find("rule").replaceChildren(element("h2", t("rule")), element("ul", "", ...made));
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
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const days = { from: form.elements.from.value, to: form.elements.to.value };
  history.replaceState(null, "", `?${new URLSearchParams(days)}`);
  show(days);
});
find("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = event.target.elements;
  const body = JSON.stringify({ account: fields.account.value, password: fields.password.value });
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch("/api/v1/session", { method: "POST", headers, body });
  fields.password.value = "";
  if (answer.ok) show(daysOfAddress());
  else find("trouble").textContent = t(answer.status === 429 ? "too_often" : "wrong");
});
find("print").addEventListener("click", () => window.print());
show(daysOfAddress());
