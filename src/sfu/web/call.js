// The second screen: a meeting, from `joined` to `ended`.

import { measure, remember, stored } from "/devices.js";
import { knows, t } from "/i18n.js";
import { button, warnings } from "/lobby.js";
import { Peer } from "/media.js";
import { mirror } from "/mirror.js";
import { Moderator } from "/moderator.js";
import { Players } from "/players.js";
import { Tiles } from "/tiles.js";

const $ = (id) => document.getElementById(id);
const LISTEN_MS = 200;
const SPEAKING = 0.02; // of full scale, linear
const LINGER_MS = 700;
const BANNER_MS = 3000;
const FRESH_MS = 60_000; // the network of an older offer may be gone
const ANSWER_MS = 500; // so long the screen waits for the answer to the offer of `join`
const USUAL_LAYOUT = { wide: 3, narrow: 3, mix: 1, pictures: 3 }; // of a room of four or fewer

export class Call {
  #connection;
  #devices;
  #moderator;
  #muted = false; // by a moderator
  #tiles = new Tiles($("tiles"));
  #member = null;
  #room = "";
  #sounds = {};
  #heard = new Map(); // member -> when last heard
  #people = 0;
  #notices = new Map(); // about/code -> text
  #timer = 0;
  #stopMeter = () => {};
  #wakeLock = null;
  #asking = false; // with the offer of `ready`
  #ready = null; // a peer whose offer is made before the server lets us in
  #opened;
  #drawing = 0; // a timer, while the screen waits
  peer = null;
  on = { microphone: true, camera: true };

  /** `opened()` is called when the meeting is on the screen. */
  constructor(connection, devices, opened) {
    this.#connection = connection;
    this.#devices = devices;
    this.#opened = opened;
    this.#moderator = new Moderator((type, fields) => connection.say(type, fields), announce);
    $("mic").addEventListener("click", () => this.toggle("microphone"));
    $("cam").addEventListener("click", () => this.toggle("camera"));
    $("leave").addEventListener("click", () => connection.leave());
    $("unlock").addEventListener("click", () => this.peer?.players.hear());
    $("sound-rule").addEventListener("change", () => {
      remember("sound", $("sound-rule").value);
      this.#saySound();
    });
    $("sound-rule").value = stored("sound") || "3";
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("visibilitychange", () => this.#stayAwake());
  }

  get open() {
    return this.#member !== null;
  }

  /** Take a message of the server. */
  async take(message) {
    switch (message.type) {
      case "joined":
        return this.#joined(message);
      case "layout":
        return this.peer?.setLayout(message);
      case "answer":
        return this.#takeAnswer(message.sdp);
      case "members":
        return this.#setMembers(message);
      case "door":
        return this.#moderator.setDoor(message);
      case "slots":
        this.#sounds = message.sounds;
        return this.#tiles.setPictures(message.pictures);
      case "speaker":
        return this.#tiles.setSpeaker(message.member);
      case "send":
        return this.peer?.send(message);
      case "pictures":
        return this.#tiles.setGiven(message.pictures);
      case "notice":
        return this.#notice(message);
      default:
        return undefined; // of a newer server
    }
  }

  /** Make the offer of this camera before it is asked for. */
  warm() {
    if (this.open || this.#asking) return; // its offer was said
    if (this.#ready?.camera === this.#devices.camera && this.#ready.age < FRESH_MS) return;
    this.#ready?.close();
    this.#ready = this.#makePeer();
    this.#ready.setLayout(USUAL_LAYOUT);
  }

  /** The devices to begin with, what the lobby has on; return the offer to join with, "" for later. */
  prepare(on) {
    this.on = { ...on };
    this.#asking = false;
    this.warm();
    this.#asking = true;
    return this.#ready.offered;
  }

  #makePeer() {
    const show = {
      state: (word) => this.#mediaIs(word),
      way: (word) => this.#wayIs(word),
      layers: () => this.#sayState(),
    };
    const players = new Players((blocked) => ($("unlock").hidden = !blocked));
    return new Peer((type, fields) => this.#connection.say(type, fields), show, players, this.#devices.camera);
  }

  async #joined(message) {
    const { member, room, room_name: roomName, sound_only: soundOnly, needed_bps: needed, free_bps: free } = message;
    if (this.#member === member) {
      this.#sayState();
      return this.peer.takeBack({ again: true });
    }
    this.#begin(member, room, message);
    this.#moderator.allowed = Boolean(message.moderator);
    this.peer.keepBack(message.playout_ms);
    this.#wayIs("");
    $("room-title").textContent = roomName || t("room_title", { room });
    $("alone-text").textContent = t("alone", { room });
    document.title = `${$("room-title").textContent} · ${t("brand")}`;
    if (soundOnly) banner(t(needed ? "sound_only" : "sound_only_asked", kbits(needed, free)), { only: "line" });
    this.#drawing = setTimeout(() => this.#draw(), message.offered ? ANSWER_MS : 0);
    await this.peer.setMicrophone(this.#devices.microphone);
    return this.peer.setCamera(this.#devices.camera);
  }

  #begin(member, room, { ice_servers: relays, offered }) {
    this.#end();
    this.#member = member;
    this.#room = room;
    this.peer = this.#ready ?? this.#makePeer();
    this.#ready = null;
    this.#asking = false;
    this.#tiles.open(this.peer.players);
    this.peer.admit(relays, { offered });
    this.#people = 0;
    this.#setMembers({ members: [], you: member });
    this.#sayState();
    this.#saySound();
  }

  /** The way is opened first: to change screens takes a slow machine a tenth of a second. */
  #takeAnswer(sdp) {
    const taken = this.peer?.takeAnswer(sdp);
    if (this.#drawing) this.#draw();
    return taken;
  }

  /** Show the meeting. */
  #draw() {
    clearTimeout(this.#drawing);
    this.#drawing = 0;
    this.#opened();
    $("call").hidden = false;
    this.#refresh();
    this.#timer = setInterval(() => this.#listen(), LISTEN_MS);
    this.#stayAwake();
    announce(t("joined", { room: this.#room }));
    $("mic").focus();
  }

  /** Put everything away. */
  close() {
    this.#end();
    if ($("settings").open) $("settings").close();
    $("call").hidden = true;
    document.title = t("brand");
  }

  #end() {
    this.peer?.close();
    this.peer = null;
    this.#member = null;
    this.#moderator.allowed = this.#muted = false;
    clearTimeout(this.#drawing);
    clearInterval(this.#timer);
    this.#drawing = 0;
    this.#stopMeter();
    this.#tiles.clear();
    this.#sounds = {};
    this.#heard.clear();
    this.#notices.clear();
    banner("");
    this.#showNotices();
    this.#wakeLock?.release();
    this.#wakeLock = null;
  }

  async toggle(kind) {
    this.on[kind] = !(this.on[kind] && this.#devices[kind]); // wanted and not had: try again
    if (kind === "camera") {
      if (this.on.camera) await this.#devices.openOne("camera");
      else this.#devices.close("camera");
    } else if (this.on.microphone && !this.#devices.microphone) {
      await this.#devices.openOne("microphone");
    }
    if (this.on[kind] && !this.#devices[kind]) {
      this.on[kind] = false;
      const lines = this.#devices.secure ? warnings(this.#devices.problems) : [t("device_insecure")];
      banner(lines.join(" "), { forMs: 2 * BANNER_MS });
    }
    await this.devicesChanged();
    announce(t(kind === "camera" ? (this.on.camera ? "cam_on" : "camera_off") : this.on.microphone ? "mic_on" : "mic_off"));
  }

  /** A track is new or gone: send it, show it, say it. */
  async devicesChanged() {
    const { microphone, camera } = this.#devices;
    await this.peer?.setMicrophone(this.on.microphone ? microphone : null);
    await this.peer?.setCamera(camera);
    this.#refresh();
    this.#sayState();
  }

  #refresh() {
    const { microphone, camera } = this.#devices;
    const open = this.on.microphone && microphone;
    button($("mic"), open, "mic", open ? "mute" : "unmute", " (M)");
    button($("cam"), camera, "cam", camera ? "camera_stop" : "camera_start", " (V)");
    $("mic").querySelector("span").textContent = t(open ? "mic_on" : "mic_off");
    $("cam").querySelector("span").textContent = t(camera ? "cam_on" : "camera_off");
    $("self-muted").toggleAttribute("hidden", Boolean(open));
    $("self-empty").hidden = Boolean(camera);
    mirror(camera, $("self"));
    this.#stopMeter();
    this.#stopMeter = measure(open ? microphone : null, (level) => $("self").classList.toggle("speaking", level > 0.5));
  }

  #sayState() {
    const { microphone, camera } = this.#devices;
    this.#connection.say("state", {
      microphone: Boolean(this.on.microphone && microphone),
      camera: Boolean(camera),
      layers: this.peer?.layers(camera) ?? [],
    });
  }

  #saySound() {
    this.#connection.say("sound", { forwarded: Number($("sound-rule").value) });
  }

  #setMembers({ members, you }) {
    const first = this.#people === 0;
    const { came, went } = this.#tiles.setMembers(members, you);
    if (!first) announce([...came.map((name) => t("came", { name })), ...went.map((name) => t("went", { name }))].join(" "));
    this.#people = members.length;
    this.#moderator.setMembers(members, you);
    const muted = Boolean(members.find(({ member }) => member === you)?.muted);
    if (muted !== this.#muted) {
      this.#muted = muted;
      banner(t(muted ? "muted_by_moderator" : "voice_given"), { only: "muted", forMs: muted ? 0 : BANNER_MS });
      announce(t(muted ? "muted_by_moderator" : "voice_given"));
    }
    $("count").textContent = members.length > 1 ? t("count_n", { n: members.length }) : t("count_1");
    $("alone").hidden = members.length !== 1;
    $("stage").classList.toggle("empty", members.length <= 1);
    this.#showNotices();
  }

  /** Hear sound from other loudspeakers. */
  setSpeakers(id) {
    remember("speakers", id);
    (this.peer ?? this.#ready)?.players.setSpeakers(id);
  }

  /** Mark who is heard now, by the levels of the places they are played from. */
  #listen() {
    const now = performance.now();
    for (const [mid, level] of this.peer?.levels() ?? []) {
      const member = this.#sounds[mid];
      if (member && level > SPEAKING) this.#heard.set(member, now);
    }
    const speaking = [...this.#heard].filter(([, at]) => now - at < LINGER_MS).map(([member]) => member);
    this.#tiles.setSpeaking(new Set(speaking));
  }

  #notice({ code, about, active, text }) {
    const key = `${code}/${about}`;
    if (active) this.#notices.set(key, { code, about, text });
    else this.#notices.delete(key);
    this.#tiles.setNotice(about, code, active);
    this.#showNotices();
  }

  #showNotices() {
    const lines = [...this.#notices.values()].map(({ code, about, text }) => {
      const name = this.#tiles.nameOf(about);
      return knows(`notice_${code}`) && (name || code === "ends_soon") ? t(`notice_${code}`, { name }) : text;
    });
    const shown = [...$("notices").children].map((line) => line.textContent);
    if (shown.join() === lines.join()) return;
    $("notices").replaceChildren(
      ...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })),
    );
  }

  #mediaIs(word) {
    if (word === "connected") banner("", { only: "media" });
    else banner(t(word === "blocked" ? "media_blocked" : "media_lost"), { only: "media" });
  }

  /** By which way sound and picture come: shown, and told where it is not the usual one. */
  #wayIs(way) {
    $("way").hidden = !way;
    $("way").dataset.way = way;
    $("way").textContent = way && t(`way_${way}`);
    $("way").title = way && t(`way_${way}_why`);
  }

  /** The WebSocket was lost or found; sound and picture may go on meanwhile. */
  linkIs(word) {
    banner(t(word), { only: "link", forMs: word === "found" ? BANNER_MS : 0 });
  }

  #key(event) {
    const typing = event.target.closest("input, select, textarea, dialog");
    if (!this.open || typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const key = event.key.toLowerCase();
    if (key === "m") this.toggle("microphone");
    if (key === "v") this.toggle("camera");
  }

  async #stayAwake() {
    if (!this.open || document.hidden) return;
    this.#wakeLock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  }
}

/** Figures of a line as words have them: bit/s in, kbit/s out. */
export function kbits(needed, free) {
  return { needed: Math.round((needed ?? 0) / 1000), free: Math.round((free ?? 0) / 1000) };
}

/** Say it to who listens to the page. */
export function announce(text) {
  if (text) $("announcer").textContent = text;
}

let bannerTimer = 0;

/** One line over the meeting; `only` names what it is about, so that only the same takes it away. */
function banner(text, { only = "", forMs = 0 } = {}) {
  const element = $("banner");
  if (!text && only && element.dataset.about !== only) return;
  clearTimeout(bannerTimer);
  element.hidden = !text;
  element.textContent = text;
  element.dataset.about = only;
  element.dataset.kind = forMs ? "good" : "wait";
  if (forMs) bannerTimer = setTimeout(() => banner("", { only }), forMs);
}
