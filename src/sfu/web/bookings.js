// Rooms booked by the week: what there is, whether a wish can be granted, yes, and cancelling.

import { get, logIn, send } from "./api.js";
import { day, knows, t, translate } from "./bookings-words.js";
import { element, find } from "./dom.js";

const main = document.querySelector("main");
const wish = find("wish");
const ASK_AFTER_MS = 300;
const DAY_MS = 86_400_000;
let monday = mondayOf(new URLSearchParams(location.search).get("week") ?? new Date().toLocaleDateString("sv"));
let rooms = [];
let asking = 0; // the newest question; answers of older ones are not shown
let timer = 0;
let chosen = null;

function mondayOf(key) {
  const at = new Date(`${key}T12:00:00Z`);
  return plus(key, -((at.getUTCDay() + 6) % 7));
}

function plus(key, days) {
  return new Date(Date.parse(`${key}T12:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

const SAID = { 401: "refused", 403: "not_yours" };

/** What the API answers, rooms that are taken (409) too; throws words for the reader. */
async function said(answer) {
  try {
    return await answer;
  } catch (error) {
    const { status } = error;
    if (status === 409) return error.body;
    if (status === 401) find("login").hidden = false;
    throw status ? new Error(t(SAID[status] ?? "failed", { status })) : error;
  }
}

function trouble(error) {
  find("trouble").textContent = error?.message ?? "";
  find("trouble").hidden = !error;
}

const nameOf = (number) => {
  const known = rooms.find(({ room }) => room === number);
  return known?.name ? `${known.name} (${number})` : number;
};

async function show() {
  main.setAttribute("aria-busy", "true");
  trouble(null);
  find("login").hidden = true;
  const last = plus(monday, 6);
  find("span").textContent = t("span", { first: day(monday, { dateStyle: "long" }), last: day(last, { dateStyle: "long" }) });
  try {
    rooms = await said(get("/rooms"));
    plan(await said(get(`/bookings?from=${monday}&to=${last}`)));
    choices();
    feeds();
  } catch (error) {
    trouble(error);
  }
  main.setAttribute("aria-busy", "false");
}

function plan(booked) {
  const days = Array.from({ length: 7 }, (_, at) => plus(monday, at));
  const head = [t("room"), ...days.map((key) => day(key))].map((text) => element("th", { scope: "col", text }));
  const known = new Set([...rooms.map(({ room }) => room), ...booked.flatMap((one) => one.rooms)]);
  const lines = [...known].map((number) => {
    const name = element("th", { scope: "row", text: nameOf(number) });
    const cells = days.map((key) => cell(booked.filter((one) => one.rooms.includes(number) && one.begins_at.startsWith(key))));
    return element("tr", {}, name, ...cells);
  });
  find("plan").tHead.replaceChildren(element("tr", {}, ...head));
  find("plan").tBodies[0].replaceChildren(...lines);
}

function cell(booked) {
  const made = booked.map((one) =>
    element("button", { type: "button", "data-booking": one.booking, text: `${span(one)} ${one.title}`, onclick: () => open(one) }),
  );
  return element("td", {}, ...made);
}

const span = ({ begins_at: begins, ends_at: ends }) => `${begins.slice(11, 16)}–${ends.slice(11, 16)}`;

/** The rooms to choose from; what was chosen stays chosen. */
function choices() {
  const before = new Set(wished().rooms);
  const boxes = rooms.map(({ room }) => {
    const box = element("input", { type: "checkbox", name: "room", value: room, checked: before.has(room) });
    return element("label", {}, box, nameOf(room));
  });
  find("rooms").replaceChildren(element("legend", { text: t("rooms") }), ...boxes);
  if (!wish.elements.day.value) wish.elements.day.value = new Date().toLocaleDateString("sv");
}

function feeds() {
  const all = [["", t("feed_all")], ...rooms.map(({ room }) => [room, nameOf(room)])];
  find("feeds").replaceChildren(
    ...all.map(([room, name]) => {
      const href = `/api/v1/calendar${room && `?room=${encodeURIComponent(room)}`}`;
      return element("li", {}, element("a", { href, text: name }));
    }),
  );
}

function wished() {
  const fields = wish.elements;
  return {
    title: fields.title.value.trim(),
    organisation: fields.organisation.value.trim(),
    organiser: fields.organiser.value.trim(),
    rooms: [...wish.querySelectorAll("[name=room]:checked")].map(({ value }) => value),
    starts: `${fields.day.value}T${fields.at.value}`,
    minutes: Number(fields.minutes.value),
    weekly_until: fields.weekly_until.value || null,
  };
}

function answer(kind, text) {
  find("answer").dataset.kind = kind;
  find("answer").textContent = text;
  find("yes").disabled = kind !== "yes";
}

/** What the server says of a wish that is whole: the reason, and what it is made of, in our words. */
function refusal({ reason, why, facts }) {
  const told = { ...facts, ...(facts?.room && { room: nameOf(facts.room) }), ...(facts?.day && { day: day(facts.day) }) };
  if (!facts || !Object.keys(facts).length) return t(reason);
  return `${t(reason)} (${knows(`${reason}_of`) ? t(`${reason}_of`, told) : why})`;
}

async function question() {
  const asked = wished();
  const mine = ++asking;
  if (!asked.rooms.length || !wish.checkValidity()) return answer("", "");
  try {
    const found = await said(send("POST", "/bookings/question", asked));
    if (mine !== asking) return undefined;
    if (!found.granted) return answer("no", refusal(found));
    return answer("yes", found.number ? t("granted_where", found) : t("granted"));
  } catch (error) {
    return answer("no", error.message);
  }
}

async function book(event) {
  event.preventDefault();
  clearTimeout(timer);
  asking += 1;
  try {
    const made = await said(send("POST", "/bookings", wished()));
    if (made.reason) return answer("no", refusal(made));
    monday = mondayOf(made.starts.slice(0, 10));
    await show();
    answer("done", t("booked", made));
  } catch (error) {
    answer("no", error.message);
  }
  return undefined;
}

function open(one) {
  chosen = one;
  find("one-title").textContent = one.title;
  find("one-when").textContent = `${day(one.day, { dateStyle: "full" })}, ${span(one)}`;
  find("one-where").textContent = `${one.rooms.map(nameOf).join(", ")}. ${t("meets", one)}`;
  find("one-invitation").href = `/api/v1/bookings/${one.booking}/invitation`;
  find("one").showModal();
}

async function cancel(days) {
  if (!confirm(t("sure"))) return;
  try {
    await said(send("DELETE", `/bookings/${chosen.booking}${days ? `?day=${chosen.day}` : ""}`));
    find("one").close();
    await show();
    await question();
  } catch (error) {
    find("one").close();
    trouble(error);
  }
}

translate();
document.title = t("title");
wish.addEventListener("input", () => {
  clearTimeout(timer);
  find("yes").disabled = true;
  timer = setTimeout(question, ASK_AFTER_MS);
});
wish.addEventListener("submit", book);
find("before").addEventListener("click", () => turn(plus(monday, -7)));
find("after").addEventListener("click", () => turn(plus(monday, 7)));
find("today").addEventListener("click", () => turn(mondayOf(new Date().toLocaleDateString("sv"))));
find("cancel-day").addEventListener("click", () => cancel(true));
find("cancel-all").addEventListener("click", () => cancel(false));
find("close").addEventListener("click", () => find("one").close());
find("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const why = await logIn(event.target);
  if (why) trouble(new Error(t(why)));
  else show();
});

function turn(to) {
  monday = to;
  history.replaceState(null, "", `?week=${monday}`);
  show();
}

show();
