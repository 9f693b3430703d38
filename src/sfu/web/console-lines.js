// Access lines: how full each is, who stands behind it, what one call more would become, its hour.

import { get } from "./api.js";
import { element, Keyed, Meter, say } from "./dom.js";
import { curves } from "./plot.js";
import { bits, t } from "./console-words.js";

const HOUR_EVERY_MS = 10_000;
const FULL = 0.85;

class Rate {
  constructor(label) {
    this.meter = new Meter(label);
    this.words = element("span", { class: "figure" });
    this.root = element("div", { class: "way" }, element("span", { class: "label", text: label }), this.meter.root, this.words);
  }

  set(used, whole) {
    const text = t("of", { used: bits(used), whole: bits(whole) });
    say(this.words, text);
    this.meter.set(whole ? used / whole : 0, used >= FULL * whole ? "full" : "calm", text);
  }
}

class LineCard {
  constructor({ line }) {
    this.line = line.line;
    this.title = element("h2", { id: `line-${line.line}` });
    this.facts = element("p", { class: "facts" });
    this.state = element("span", { class: "state" });
    this.down = new Rate(t("line_down"));
    this.up = new Rate(t("line_up"));
    this.bears = element("p", { class: "line-name" });
    this.next = element("ul", { class: "next" });
    this.steps = element("ul", { class: "steps" });
    this.hour = element("figure");
    this.root = element(
      "section",
      { class: "box access", "aria-labelledby": this.title.id },
      element("header", {}, element("div", { class: "names" }, this.title, this.facts), this.state),
      this.down.root,
      this.up.root,
      this.bears,
      this.steps,
      this.next,
      this.hour,
    );
    this.plotted = 0;
  }

  update({ line, load, names }) {
    say(this.title, line.line);
    const rates = t("line_rates", { down: bits(line.down_bps), up: bits(line.up_bps), framing: t(`framing_${line.framing}`) });
    say(this.facts, [line.site !== line.line && line.site, line.server && t("line_server"), rates].filter(Boolean).join(" · "));
    say(this.state, line.congested ? t("congested") : line.members.length ? t("calm") : t("idle"));
    this.root.dataset.state = line.congested ? "over" : "calm";
    if (load) {
      this.down.set(load.sent_bps, load.send_bps);
      this.up.set(load.received_bps, load.receive_bps);
    }
    const behind = line.members.map((member) => names.get(member) ?? member).join(", ");
    say(this.bears, [t("bears", { bps: bits(line.estimate_bps) }), behind ? t("stand_behind", { names: behind }) : t("nobody_behind")].join(" · "));
    this.#next(line);
    this.#steps(line, names);
    this.#plot();
  }

  #next(line) {
    const words = [["one_codec", line.next_codec], ["one_browser", line.next_browser]].map(([key, one]) =>
      t(key, { outcome: t(`outcome_${one.outcome}`), required: bits(one.required_bps), available: bits(one.available_bps) }),
    );
    if (this.said === words.join("\n")) return;
    this.said = words.join("\n");
    this.next.replaceChildren(...words.map((text) => element("li", { text })));
  }

  #steps(line, names) {
    const less = line.pictures.filter((one) => one.rung !== "full");
    const words = less.map((one) => {
      const fields = { name: names.get(one.about) ?? one.about, required: bits(one.required_bps), available: bits(one.available_bps) };
      return `${names.get(one.member) ?? one.member} – ${t("step", { what: t(`rung_${one.rung}`, fields), why: t(`why_${one.why}`) })} ${t("step_figures", fields)}`;
    });
    if (this.told === words.join("\n")) return;
    this.told = words.join("\n");
    this.steps.replaceChildren(...words.map((text) => element("li", { text })));
  }

  async #plot() {
    if (Date.now() - this.plotted < HOUR_EVERY_MS) return;
    this.plotted = Date.now();
    const hour = await get(`/lines/${encodeURIComponent(this.line)}/hour`).catch(() => null);
    if (!hour || hour.samples.length < 2) {
      this.hour.replaceChildren(element("p", { class: "hint", text: t("hour_soon") }));
      return;
    }
    const at = (sample) => -sample.seconds_ago / 60;
    const of = (key) => hour.samples.map((sample) => [at(sample), sample[key]]);
    const plot = curves(
      [
        { name: t("plot_bears"), kind: "bound", points: of("estimate_bps") },
        { name: t("plot_sent"), kind: "area", points: of("sent_bps") },
        { name: t("plot_received"), kind: "curve", points: of("received_bps") },
      ],
      {
        title: t("hour_title", { line: this.line }),
        description: t("hour_text", { most: bits(Math.max(...hour.samples.map((sample) => sample.sent_bps))), paused: hour.samples.filter((sample) => sample.paused).length }),
        scale: (value) => bits(value),
        span: [-60, 0],
        tick: (minutes) => (minutes === 0 ? t("plot_now") : t("plot_minutes", { n: -minutes })),
        marks: hour.samples.filter((sample) => sample.paused).map(at),
      },
    );
    this.hour.replaceChildren(plot, element("figcaption", { text: t("hour_caption") }));
  }
}

export class Lines {
  every = 2000;

  constructor(place) {
    this.boxes = element("div", { class: "lines" });
    this.empty = element("p", { class: "empty", text: t("no_lines") });
    this.keyed = new Keyed(this.boxes, (one) => new LineCard(one));
    place.append(element("div", { class: "head" }, element("h1", { text: t("nav_lines") })), this.empty, this.boxes);
  }

  async refresh() {
    const [lines, live] = await Promise.all([get("/lines"), get("/live")]);
    const loads = new Map(live.lines.map((load) => [load.line, load]));
    const names = new Map(live.meetings.flatMap((meeting) => meeting.members.map((leg) => [leg.member, leg.name])));
    this.empty.hidden = lines.length > 0;
    this.keyed.update(lines.map((line) => ({ line, load: loads.get(line.line), names })), (one) => one.line.line);
  }
}
