// "Test this room": calls it, and says in words what came back.

import { send } from "./api.js";
import { element } from "./dom.js";
import { doing } from "./console-talk.js";
import { bits, codec, knows, percent, round, t } from "./console-words.js";

const WELL = new Set(["picture_good", "sound_good"]);

function flow(key, one) {
  if (!one) return t(key, { what: t("nothing") });
  const loss = one.loss >= 0.001 ? ` · ${t("loss", { loss: percent(one.loss) })}` : "";
  return t(key, { what: `${codec(one.codec)} · ${bits(one.bps)}${loss}` });
}

/** What was found, the verdict first. */
function report(test) {
  if (!test.answered) {
    const why = knows(`cause_${test.reason}`) ? t(`cause_${test.reason}`) : test.reason;
    return element("div", { class: "tried bad" }, element("h2", { text: t("try_title", test) }), element("p", { text: t("try_unanswered", { why: [why, test.status >= 300 ? test.status : "", test.text].filter(Boolean).join(" ") }) }));
  }
  const well = test.findings.every((one) => WELL.has(one));
  const facts = [
    test.endpoint,
    flow("try_picture_in", test.picture_received),
    t("try_key_frames", { n: test.keyframes }),
    flow("try_sound_in", test.sound_received),
    flow("try_picture_out", test.picture_sent),
    flow("try_sound_out", test.sound_sent),
    test.rtt_ms === null ? "" : t("round_trip", { ms: round(test.rtt_ms) }),
    test.line ? t("behind", test) : t("behind_none"),
  ];
  return element(
    "div",
    { class: `tried ${well ? "good" : "amiss"}` },
    element("h2", { text: t("try_title", test) }),
    element("ul", { class: "findings" }, ...test.findings.map((one) => element("li", { "data-well": String(WELL.has(one)), text: t(`found_${one}`) }))),
    element("ul", { class: "facts" }, ...facts.filter(Boolean).map((text) => element("li", { text }))),
  );
}

/** Try a room and put the report in its place; `button` waits meanwhile. */
export function tryRoom(button, target, place) {
  return doing(button, t("trying", { target }), t("tried", { target }), async () => {
    const test = await send("POST", "/tests", { target });
    place.replaceChildren(report(test));
    place.firstChild.tabIndex = -1;
    place.firstChild.focus();
  });
}
