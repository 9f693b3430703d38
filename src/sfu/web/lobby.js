// The first screen: who, where, with which devices; and what was refused.

import { measure, remember, stored } from "/devices.js";
import { t } from "/i18n.js";
import { mirror } from "/mirror.js";

const $ = (id) => document.getElementById(id);

export class Lobby {
  #devices;
  #stopMeter = () => {};
  #invitation; // of a guest's link: its room and the word that opens it
  opened = Promise.resolve();
  on = { microphone: stored("microphone.off") !== "1", camera: stored("camera.off") !== "1" };

  /**
   * `enter(fields)` is called when the person asks to be let in, `leave()` when it waits no longer, `begin()` at
   * the first sign that it will.
   */
  constructor(devices, enter, leave, begin) {
    this.#devices = devices;
    const asked = new URLSearchParams(location.search);
    this.#invitation = { room: asked.get("room") ?? "", word: asked.get("invitation") ?? "" };
    $("room").value = asked.get("room") ?? stored("room");
    $("name").value = asked.get("name") ?? stored("name");
    $("join").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(enter, event.submitter?.value === "sound");
    });
    $("have-pin").addEventListener("click", () => this.#askPin());
    $("stop-waiting").addEventListener("click", leave);
    $("lobby-mic").addEventListener("click", () => this.toggle("microphone"));
    $("lobby-cam").addEventListener("click", () => this.toggle("camera"));
    $("room").addEventListener("input", () => this.#forgetPin());
    for (const sign of ["focusin", "pointerover"]) $("join").addEventListener(sign, begin);
  }

  /** Show it; `opened` is done when the devices are open, after the person has allowed it. */
  open() {
    $("call").hidden = true;
    $("lobby").hidden = false;
    this.setBusy(false);
    this.opened = this.#devices.open(this.on).then(() => $("lobby").hidden || this.refresh());
    const first = [$("room"), $("name")].find((input) => !input.value);
    (first ?? $("enter")).focus();
  }

  close() {
    $("lobby").hidden = true;
    this.#stopMeter();
  }

  async toggle(kind) {
    await this.opened;
    this.on[kind] = !(this.on[kind] && this.#devices[kind]); // wanted and not had: try again
    remember(`${kind}.off`, this.on[kind] ? "" : "1");
    if (this.on[kind]) await this.#devices.openOne(kind);
    else this.#devices.close(kind);
    this.refresh();
  }

  /** Show what the devices are now. */
  refresh() {
    const { microphone, camera } = this.#devices;
    button($("lobby-mic"), microphone, "mic", microphone ? "mute" : "unmute");
    button($("lobby-cam"), camera, "cam", camera ? "camera_stop" : "camera_start");
    mirror(camera, $("preview"));
    $("preview-empty").hidden = Boolean(camera);
    $("preview-reason").textContent = t(this.on.camera ? "no_camera" : "camera_off");
    this.#stopMeter();
    this.#stopMeter = measure(microphone, (level) => {
      $("level").firstElementChild.style.transform = `scaleX(${level.toFixed(2)})`;
      $("level").setAttribute("aria-valuenow", Math.round(level * 100));
    });
    this.#warn();
  }

  /** Say why not, and put the cursor where it can be mended. */
  refuse(code, { needed_bps: needed, free_bps: free } = {}) {
    this.setBusy(false);
    this.say(t(`refused_${code}`));
    $("enter-sound").hidden = code !== "line_full";
    if (code === "line_full") {
      const rounded = { needed: Math.round(needed / 1000), free: Math.round(free / 1000) };
      if (needed) this.say(t("refused_line_full_figures", rounded));
      $("enter-sound").focus();
    }
    if (code === "pin_required" || code === "wrong_pin") {
      this.#askPin();
      if (code === "pin_required") this.say(t("refused_pin_required"), "ask");
    }
    if (code === "unknown_room" || code === "room_missing") $("room").focus();
    if (code === "name_missing") $("name").focus();
  }

  /** A moderator has to let us in first. */
  wait({ room, room_name: name }) {
    this.say(t("waiting", { room: name || room }), "ask");
    $("enter").textContent = t("waiting_short");
    $("stop-waiting").hidden = false;
    $("stop-waiting").focus();
  }

  say(text, kind = "stop") {
    $("refusal").hidden = !text;
    $("refusal").dataset.kind = kind;
    $("refusal").textContent = text;
  }

  setBusy(busy) {
    $("stop-waiting").hidden = true;
    $("enter").disabled = $("enter-sound").disabled = busy;
    $("enter").textContent = t(busy ? "entering" : "enter");
  }

  #submit(enter, soundOnly) {
    const room = $("room").value.replaceAll(/\s/g, "");
    const name = $("name").value.trim();
    if (!room) return this.refuse("room_missing");
    if (!name) return this.refuse("name_missing");
    remember("room", room);
    remember("name", name);
    this.say("");
    this.setBusy(true);
    const pin = $("pin-field").hidden ? "" : $("pin").value.trim();
    const { room: to, word } = this.#invitation;
    const invitation = room === to && word;
    return enter({ room, name, ...(invitation && { invitation }), ...(pin && { pin }), ...(soundOnly && { sound_only: true }) });
  }

  #askPin() {
    $("pin-field").hidden = false;
    $("have-pin").hidden = true;
    $("pin").value = "";
    $("pin").focus();
  }

  #forgetPin() {
    $("pin-field").hidden = true;
    $("have-pin").hidden = false;
    $("pin").value = "";
  }

  #warn() {
    const { problems, secure } = this.#devices;
    const lines = secure ? warnings(problems) : [t("device_insecure")];
    $("device-warning").hidden = !lines.length;
    $("device-warning").textContent = lines.join(" ");
  }
}

/** One sentence for each problem, naming the devices it strikes. */
export function warnings(problems) {
  const struck = new Map();
  for (const [kind, problem] of Object.entries(problems)) {
    struck.set(problem, [...(struck.get(problem) ?? []), t(`what_${kind}`)]);
  }
  return [...struck].map(([problem, kinds]) => t(`device_${problem}`, { what: kinds.join(", ") }));
}

/** Show a switch as it stands: its icon, and what pressing it does. */
export function button(element, on, icon, label, hint = "") {
  element.dataset.on = String(Boolean(on));
  element.title = t(label) + hint;
  element.querySelector("use").setAttribute("href", on ? `#i-${icon}` : `#i-${icon}-off`);
  if (!element.querySelector("span")) element.setAttribute("aria-label", t(label));
}
