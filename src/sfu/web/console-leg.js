// One leg of a meeting: how its picture and sound fare each way, its line, and what can be done.

import { may, send } from "./api.js";
import { element, mark, Meter, say } from "./dom.js";
import { ask, doing } from "./console-talk.js";
import { Terms } from "./console-terms.js";
import { bits, codec, percent, round, t } from "./console-words.js";

const FULL = 0.85;
const QUIETEST = 60;

/** How a stream runs, in a few words; "" where none does. */
function flow(one) {
  if (!one) return "";
  const parts = [codec(one.codec), bits(one.bps)];
  if (one.loss >= 0.001) parts.push(t("loss", { loss: percent(one.loss) }));
  return parts.join(" · ");
}

/** A bar with its words: how much of one way of a line is used. */
class Way {
  constructor(label) {
    this.label = label;
    this.meter = new Meter(label);
    this.words = element("span", { class: "figure" });
    this.root = element("div", { class: "way" }, element("span", { class: "label", text: label }), this.meter.root, this.words);
  }

  set(used, whole) {
    this.root.hidden = !whole;
    if (!whole) return;
    const text = t("of", { used: bits(used), whole: bits(whole) });
    say(this.words, text);
    this.meter.set(used / whole, used / whole >= FULL ? "full" : "calm", text);
  }
}

export class LegCard {
  #cells = {};

  constructor(leg, room, live) {
    this.room = room;
    this.live = live;
    this.member = leg.member;
    this.state = element("span", { class: "state" });
    this.name = element("h3", { id: `leg-${leg.member}` });
    this.chips = element("p", { class: "chips" });
    this.device = element("p", { class: "device" });
    this.sees = element("p", { class: "sees" });
    this.level = new Meter(t("level"));
    this.levelWords = element("span", { class: "figure" });
    this.line = element("p", { class: "line-name" });
    this.down = new Way(t("line_down"));
    this.up = new Way(t("line_up"));
    this.delay = element("p", { class: "delay" });
    this.steps = element("ul", { class: "steps" });
    this.terms = new Terms(leg.member);
    this.root = element(
      "article",
      { class: "leg", "aria-labelledby": this.name.id, "data-member": leg.member },
      element("header", {}, element("div", { class: "names" }, this.name, this.device), this.state),
      this.chips,
      this.#table(),
      element("div", { class: "way" }, element("span", { class: "label", text: t("level") }), this.level.root, this.levelWords),
      this.steps,
      element("div", { class: "line" }, this.line, this.down.root, this.up.root, this.delay),
      this.terms.root,
      this.sees,
      may("operator") ? this.#acts(leg) : null,
    );
  }

  #table() {
    const cell = (key) => (this.#cells[key] = element("td"));
    const row = (kind) => element("tr", {}, element("th", { scope: "row", text: t(kind) }), cell(`${kind}_received`), cell(`${kind}_sent`));
    return element(
      "table",
      { class: "flows" },
      element("thead", {}, element("tr", {}, element("td"), element("th", { scope: "col", text: t("from_it") }), element("th", { scope: "col", text: t("to_it") }))),
      element("tbody", {}, row("picture"), row("sound")),
    );
  }

  #acts(leg) {
    const button = (key, act, kind = "quiet") => {
      const made = element("button", { type: "button", class: kind, text: t(key) });
      made.addEventListener("click", () => act(made));
      return made;
    };
    const path = `/members/${encodeURIComponent(leg.member)}`;
    const meeting = `/meetings/${encodeURIComponent(this.room)}`;
    this.mute = button("mute", (made) => doing(made, "", t(this.leg.muted ? "unmuted" : "muted", this.leg), () => send("PATCH", path, { muted: !this.leg.muted })));
    this.pin = button("pin", (made) =>
      doing(made, "", t(this.leg.pinned ? "unpinned" : "pinned_done", this.leg), () => send("PATCH", meeting, { pinned: this.leg.pinned ? null : leg.member })),
    );
    const leave = button(
      "disconnect",
      async (made) => {
        if (await ask(t("disconnect_title", this.leg), t("disconnect_text"), t("disconnect")))
          await doing(made, "", t("disconnected", this.leg), () => send("DELETE", `/calls/${this.leg.call}`));
      },
      "danger",
    );
    return element("div", { class: "acts" }, this.mute, this.pin, leave);
  }

  update(leg) {
    this.leg = leg;
    say(this.name, leg.name || leg.member);
    say(this.device, [leg.site, t(`protocol_${leg.protocol}`), model(leg)].filter(Boolean).join(" · "));
    say(this.state, t(`video_${leg.video}`));
    mark(this.root, "data-video", leg.video);
    mark(this.root, "data-speaks", leg.speaks);
    this.#chips(leg);
    this.#flows(leg);
    this.#sound(leg);
    this.#line(leg);
    this.#steps(leg);
    this.terms.update(leg);
    const seen = leg.sees.map((member) => this.live.names.get(member) ?? member);
    say(this.sees, seen.length ? t("sees", { names: seen.join(", ") }) : "");
    if (this.mute) {
      say(this.mute, t(leg.muted ? "unmute" : "mute"));
      mark(this.mute, "aria-pressed", leg.muted);
      say(this.pin, t(leg.pinned ? "unpin" : "pin"));
      mark(this.pin, "aria-pressed", leg.pinned);
    }
  }

  #chips(leg) {
    const said = [leg.speaks && "speaks", leg.muted && "is_muted", leg.pinned && "is_pinned"].filter(Boolean);
    say(this.chips, said.map((key) => t(key)).join(" · "));
  }

  #flows(leg) {
    const write = (key, way, one) => {
      const cell = this.#cells[key];
      const words = [way && t(`way_${way}`), flow(one)].filter(Boolean).join(" · ");
      say(cell, words || t("nothing"));
      mark(cell, "data-way", way || (one ? "ok" : "none"));
    };
    write("picture_received", leg.picture_from, leg.picture_received);
    write("picture_sent", leg.picture_to, leg.picture_sent);
    write("sound_received", "", leg.sound_received);
    write("sound_sent", "", leg.sound_sent);
  }

  #sound(leg) {
    const heard = leg.level_dbov < 127 && Boolean(leg.sound_received);
    const words = heard ? t("decibels", { level: -leg.level_dbov }) : t("silent");
    say(this.levelWords, words);
    this.level.set(heard ? (QUIETEST - leg.level_dbov) / QUIETEST : 0, leg.muted ? "off" : "calm", words);
  }

  #line(leg) {
    const line = this.live.lines.get(leg.line);
    say(this.line, line ? t("behind", { line: leg.line }) : t("behind_none"));
    this.down.set(line?.sent_bps, line?.send_bps);
    this.up.set(line?.received_bps, line?.receive_bps);
    const parts = [leg.rtt_ms !== null && t("round_trip", { ms: round(leg.rtt_ms) })];
    if (leg.picture_received) parts.push(t("jitter", { ms: round(leg.picture_received.jitter_ms) }));
    say(this.delay, parts.filter(Boolean).join(" · "));
  }

  #steps(leg) {
    const words = leg.steps.map((step) => {
      const fields = { name: this.live.names.get(step.about) ?? step.about, required: bits(step.required_bps), available: bits(step.available_bps) };
      const figures = step.required_bps ? ` ${t("step_figures", fields)}` : "";
      return t("step", { what: t(`rung_${step.rung}`, fields), why: t(`why_${step.why}`) }) + figures;
    });
    if (this.said === words.join("\n")) return;
    this.said = words.join("\n");
    this.steps.replaceChildren(...words.map((text) => element("li", { text })));
  }
}

/** A browser's User-Agent is a lecture: its name is enough. */
function model(leg) {
  if (leg.protocol !== "webrtc") return leg.endpoint;
  return { chromium: "Chromium", firefox: "Firefox", safari: "Safari" }[leg.maker] ?? t("browser");
}
