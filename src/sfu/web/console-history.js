// What was: call records with their causes, and the log of who did what.

import { get } from "./api.js";
import { element, table } from "./dom.js";
import { knows, lasting, moment, percent, t } from "./console-words.js";

const MOST = 500;
const PAGE = 100;

/** Why a call ended, in words; the word itself where a newer server has others. */
function cause(call) {
  if (!call.ended_at) return t("cause_lasts");
  const said = knows(`cause_${call.reason}`) ? t(`cause_${call.reason}`) : call.reason;
  return call.status >= 300 ? `${said} (${[call.status, call.text].filter(Boolean).join(" ")})` : said;
}

function row(call) {
  const who = element("span", {}, call.name || call.caller || "–");
  const lost = call.loss >= 0.001 ? t("loss", { loss: percent(call.loss) }) : "";
  return [
    moment(call.started_at),
    call.room,
    who,
    call.site,
    [t(`protocol_${call.protocol}`), call.protocol === "webrtc" ? "" : call.endpoint].filter(Boolean).join(" · "),
    t(`direction_${call.direction}`),
    lasting(call.duration_s),
    [cause(call), lost].filter(Boolean).join(" · "),
  ];
}

export class Calls {
  every = 10_000;

  constructor(place) {
    this.wish = element("input", { type: "search", "aria-label": t("find"), placeholder: t("find"), autocomplete: "off" });
    this.wish.addEventListener("input", () => this.#show());
    this.rows = element("div");
    place.append(element("div", { class: "head" }, element("h1", { text: t("nav_calls") }), this.wish), this.rows);
    this.calls = [];
  }

  async refresh() {
    this.calls = await get(`/calls?limit=${MOST}`);
    this.#show();
  }

  #show() {
    const sought = this.wish.value.trim().toLowerCase();
    const found = this.calls.filter((call) => !sought || [call.room, call.name, call.caller, call.site, call.endpoint].join(" ").toLowerCase().includes(sought));
    const shown = JSON.stringify(found);
    if (shown === this.shown) return; // who reads in it is not disturbed
    this.shown = shown;
    const heads = ["when", "room", "who", "site", "device", "direction", "lasted", "ended_by"].map((key) => t(key));
    this.rows.replaceChildren(found.length ? table(t("nav_calls"), heads, found.map(row)) : element("p", { class: "empty", text: t("no_calls") }));
  }
}

export class Audit {
  every = 0;

  constructor(place) {
    this.lines = [];
    this.rows = element("div");
    this.more = element("button", { type: "button", class: "quiet", text: t("older") });
    this.more.addEventListener("click", () => this.refresh());
    place.append(element("div", { class: "head" }, element("h1", { text: t("nav_audit") })), this.rows, this.more);
  }

  async refresh() {
    const before = this.lines.length ? `&before=${this.lines.at(-1).id}` : "";
    const lines = await get(`/audit?limit=${PAGE}${before}`);
    this.lines.push(...lines);
    this.more.hidden = lines.length < PAGE;
    const heads = ["when", "who", "role", "from", "deed", "about", "answer"].map((key) => t(key));
    const rows = this.lines.map((line) => [
      moment(line.at),
      line.who || "–",
      line.role && t(`role_${line.role}`),
      line.address,
      knows(`deed_${line.action}`) ? t(`deed_${line.action}`) : line.action,
      [line.target, line.detail].filter(Boolean).join(": "),
      line.status < 400 ? t("done") : t("refused", { status: line.status }),
    ]);
    this.rows.replaceChildren(this.lines.length ? table(t("nav_audit"), heads, rows) : element("p", { class: "empty", text: t("no_deeds") }));
  }
}
