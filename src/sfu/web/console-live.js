// Meetings of now: who is there, how each fares, and what can be done about it.

import { get, listen, may, send } from "./api.js";
import { ask, doing } from "./console-talk.js";
import { element, Keyed, mark, say } from "./dom.js";
import { LegCard } from "./console-leg.js";
import { tryRoom } from "./console-try.js";
import { ago, t } from "./console-words.js";

const EVERY_MS = 1000;

/** A form that calls somebody into a room; `room` "" asks for it. */
function caller(room, tried) {
  const target = element("input", { name: "target", required: true, autocomplete: "off", list: "units", "aria-label": t("call_whom"), placeholder: t("call_whom_example") });
  const into = room
    ? null
    : element("input", { name: "room", required: true, autocomplete: "off", list: "rooms", inputmode: "numeric", "aria-label": t("call_where"), placeholder: t("call_where") });
  const attempt = tried ? element("button", { type: "button", class: "quiet", text: t("try") }) : null;
  const form = element("form", { class: "caller" }, target, into, element("button", { type: "submit", class: "primary", text: t("call") }), attempt);
  attempt?.addEventListener("click", () => {
    if (target.reportValidity()) tryRoom(attempt, target.value.trim(), tried);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wish = { target: target.value.trim(), room: room || into.value.trim() };
    doing(form, t("calling", wish), t("called", wish), () => send("POST", "/calls", wish)).then((done) => {
      if (done) form.reset();
    });
  });
  return form;
}

class MeetingCard {
  constructor(meeting, live) {
    this.room = meeting.room;
    this.title = element("h2", { id: `room-${meeting.room}` });
    this.facts = element("p", { class: "facts" });
    this.legs = element("div", { class: "legs" });
    this.keyed = new Keyed(this.legs, (leg) => new LegCard(leg, this.room, live));
    this.acts = may("operator") ? this.#acts() : null;
    this.waiting = element("ul", { class: "waiting", "aria-label": t("waiting"), "aria-live": "polite", hidden: true });
    this.visitors = new Keyed(this.waiting, (visitor) => this.#visitor(visitor));
    this.root = element(
      "section",
      { class: "meeting", "aria-labelledby": this.title.id },
      element("header", {}, element("div", { class: "names" }, this.title, this.facts), this.acts),
      this.waiting,
      this.legs,
    );
  }

  #acts() {
    this.layout = element(
      "select",
      { "aria-label": t("layout") },
      ...["speaker", "round"].map((rule) => element("option", { value: rule, text: t(`layout_${rule}`) })),
    );
    this.layout.addEventListener("change", () => {
      const layout = this.layout.value;
      doing(this.layout, "", t("layout_done"), () => send("PATCH", `/meetings/${encodeURIComponent(this.room)}`, { layout }));
    });
    this.lock = element("button", { type: "button", class: "quiet" });
    this.lock.addEventListener("click", () => {
      const locked = !this.meeting.locked;
      doing(this.lock, "", t(locked ? "locked" : "unlocked"), () => send("PATCH", `/meetings/${encodeURIComponent(this.room)}`, { locked }));
    });
    const end = element("button", { type: "button", class: "danger", text: t("end") });
    end.addEventListener("click", async () => {
      if (await ask(t("end_title", { room: this.room }), t("end_text"), t("end")))
        await doing(end, "", t("ended"), () => send("DELETE", `/meetings/${encodeURIComponent(this.room)}`));
    });
    return element("div", { class: "acts" }, caller(this.room), this.layout, this.lock, end);
  }

  /** Somebody who waits, and what an operator may do about it. */
  #visitor({ member, name }) {
    const path = `/meetings/${encodeURIComponent(this.room)}/waiting/${encodeURIComponent(member)}`;
    const button = (key, verb, done) => {
      const made = element("button", { type: "button", class: "quiet", text: t(key), "aria-label": `${t(key)}: ${name}` });
      made.addEventListener("click", () => doing(made, "", t(done, { name }), () => send(verb, path)));
      return made;
    };
    const acts = may("operator") ? [button("admit", "POST", "admitted"), button("turn_away", "DELETE", "turned_away")] : [];
    return { root: element("li", {}, element("span", { text: t("waits", { name }) }), ...acts), update() {} };
  }

  update(meeting) {
    this.meeting = meeting;
    this.waiting.hidden = meeting.waiting.length === 0;
    this.visitors.update(meeting.waiting, (visitor) => visitor.member);
    if (this.lock) say(this.lock, t(meeting.locked ? "unlock" : "lock"));
    say(this.title, [meeting.room, meeting.name].filter(Boolean).join(" · "));
    const count = meeting.members.length;
    say(this.facts, [t(count === 1 ? "member_1" : "member_n", { n: count }), ago(meeting.began_at)].join(" · "));
    if (this.layout && document.activeElement !== this.layout) this.layout.value = meeting.layout;
    this.keyed.update(meeting.members, (leg) => leg.member);
  }
}

export class Live {
  constructor(place) {
    this.place = place;
    this.lines = new Map();
    this.names = new Map();
    this.nobody = element("div", { class: "empty" }, element("p", { text: t("nobody") }), element("p", { class: "hint", text: t("nobody_hint") }));
    this.meetings = element("div");
    this.keyed = new Keyed(this.meetings, (meeting) => new MeetingCard(meeting, this));
    this.rooms = element("datalist", { id: "rooms" });
    this.tried = element("div");
    this.units = element("datalist", { id: "units" });
    place.append(
      element("div", { class: "head" }, element("h1", { text: t("nav_live") }), may("operator") ? caller("", this.tried) : null),
      this.tried,
      this.nobody,
      this.meetings,
      this.rooms,
      this.units,
    );
    this.stop = listen(() => this.refresh());
    this.#suggest();
  }

  every = EVERY_MS;

  async #suggest() {
    const rooms = await get("/rooms").catch(() => []);
    this.rooms.replaceChildren(...rooms.map((room) => element("option", { value: room.room, label: room.name })));
    const known = may("operator") ? await get("/house").catch(() => null) : null;
    const units = (known ?? []).filter((one) => one.kind === "endpoint");
    this.units.replaceChildren(...units.map((unit) => element("option", { value: unit.key, label: unit.values.name })));
  }

  async refresh() {
    const live = await get("/live");
    this.lines = new Map(live.lines.map((line) => [line.line, line]));
    this.names = new Map(live.meetings.flatMap((meeting) => meeting.members.map((leg) => [leg.member, leg.name])));
    this.nobody.hidden = live.meetings.length > 0;
    this.keyed.update(live.meetings, (meeting) => meeting.room);
    mark(this.place, "data-meetings", live.meetings.length);
  }
}
