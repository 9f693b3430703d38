// What a moderator sees and does: who waits, who is inside, the lock and the waiting room.

import { t } from "/i18n.js";

const $ = (id) => document.getElementById(id);

export class Moderator {
  #say;
  #door = null; // {locked, waiting_room, waiting: [{member, name}]}
  #members = [];
  #you = null;

  /** `say(type, fields)` goes to the server; `announce(text)` to who listens. */
  constructor(say, announce) {
    this.#say = say;
    this.announce = announce;
    $("manage").addEventListener("click", () => $("door").showModal());
    $("door-locked").addEventListener("change", () => this.#say("hold", { locked: $("door-locked").checked }));
    $("door-waiting").addEventListener("change", () => this.#say("hold", { waiting_room: $("door-waiting").checked }));
  }

  /** Whether this page may moderate. */
  set allowed(allowed) {
    $("manage").hidden = !allowed;
    if (allowed) return;
    this.#door = null;
    if ($("door").open) $("door").close();
  }

  setDoor(door) {
    const before = new Set(this.#door?.waiting.map(({ member }) => member));
    const news = door.waiting.filter(({ member }) => !before.has(member));
    this.#door = door;
    if (news.length) this.announce(news.map(({ name }) => t("waits", { name })).join(" "));
    this.#draw();
  }

  setMembers(members, you) {
    [this.#members, this.#you] = [members, you];
    if (this.#door) this.#draw();
  }

  #draw() {
    const { locked, waiting_room: waitingRoom, waiting } = this.#door;
    $("door-locked").checked = locked;
    $("door-waiting").checked = waitingRoom;
    $("manage").classList.toggle("attention", waiting.length > 0);
    $("manage").querySelector("span").textContent = waiting.length ? t("waiting_n", { n: waiting.length }) : t("manage");
    $("door-empty").hidden = waiting.length > 0;
    list($("door-list"), waiting, ({ member, name }) => [
      act("admit", name, () => this.#say("admit", { member })),
      act("turn_away", name, () => this.#say("turn_away", { member })),
    ]);
    list($("member-list"), this.#members.filter(({ member }) => member !== this.#you), ({ member, name, muted }) => [
      act(muted ? "give_voice" : "take_voice", name, () => this.#say("mute", { member, muted: !muted })),
      act("remove", name, () => confirm(t("remove_sure", { name })) && this.#say("remove", { member })),
    ]);
  }
}

/** One line for each person, the focus kept on the button that has it. */
function list(element, people, actions) {
  const focused = document.activeElement?.closest?.("li")?.dataset.member;
  const at = [...(document.activeElement?.parentElement?.children ?? [])].indexOf(document.activeElement);
  const lines = people.map((person) => {
    const line = document.createElement("li");
    line.dataset.member = person.member;
    line.append(Object.assign(document.createElement("span"), { textContent: person.name }), ...actions(person));
    return line;
  });
  element.replaceChildren(...lines);
  if (focused) lines.find((line) => line.dataset.member === focused)?.children[at]?.focus();
}

function act(what, name, run) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: t(what) });
  button.className = "small";
  button.dataset.act = what;
  button.setAttribute("aria-label", `${t(what)}: ${name}`);
  button.addEventListener("click", run);
  return button;
}
