// A tile for each other member: picture or the reason why there is none, name, marks.
//
// A tile shows the video of its member's place (m-line), from the players of the peer.

import { knows, t } from "/i18n.js";

const RATIO = 16 / 9;
const GAP = 12;
const MIN_WIDTH = 150;
const WAIT_MS = 8000;
const PAUSED = new Set(["no_thumbnails", "sound_only", "sound_thin"]); // rungs without a moving picture

export class Tiles {
  #list;
  #tiles = new Map(); // member -> Tile
  #players = null; // of the meeting's peer
  #notices = new Map(); // member -> code
  #given = {}; // mid -> {rung, why, required_bps, available_bps} where it has less than it wants

  constructor(list) {
    this.#list = list;
    new ResizeObserver(() => this.#arrange()).observe(list.parentElement);
  }

  /** State who is here; returns {came: [names], went: [names]}. */
  setMembers(members, you) {
    const others = members.filter(({ member }) => member !== you);
    const here = new Set(others.map(({ member }) => member));
    const went = [...this.#tiles].filter(([member]) => !here.has(member)).map(([member, tile]) => {
      this.#vacate(tile);
      tile.element.remove();
      this.#tiles.delete(member);
      return tile.name;
    });
    const came = [];
    for (const row of others) {
      let tile = this.#tiles.get(row.member);
      if (!tile) {
        tile = new Tile(row.member);
        this.#tiles.set(row.member, tile);
        this.#list.append(tile.element);
        came.push(row.name);
      }
      tile.setRow(row);
      tile.setNotice(this.#notices.get(row.member));
    }
    if (came.length || went.length) this.#arrange(); // it has the page laid out anew
    return { came, went };
  }

  /** A meeting begins: these have its videos. */
  open(players) {
    this.#players = players;
  }

  #vacate(tile) {
    const { video } = tile;
    tile.setPicture(null, null);
    if (video) this.#players.putBack(video);
  }

  /** {mid: member or null} */
  setPictures(places) {
    const mids = new Map(Object.entries(places).filter(([, member]) => member).map(([mid, member]) => [member, mid]));
    for (const [member, tile] of this.#tiles) if (tile.mid && tile.mid !== mids.get(member)) this.#vacate(tile);
    for (const [member, tile] of this.#tiles) {
      const mid = mids.get(member) ?? null;
      tile.setPicture(mid, this.#players.video(mid));
      tile.setGiven(this.#given[mid]);
    }
  }

  /** State how the places fare: {mid: {rung, why, required_bps, available_bps}}. */
  setGiven(given) {
    this.#given = given;
    for (const tile of this.#tiles.values()) tile.setGiven(given[tile.mid]);
  }

  setSpeaker(member) {
    for (const [id, tile] of this.#tiles) tile.element.classList.toggle("leads", id === member);
  }

  setSpeaking(members) {
    for (const [id, tile] of this.#tiles) tile.setSpeaking(members.has(id));
  }

  setNotice(member, code, active) {
    if (active) this.#notices.set(member, code);
    else if (this.#notices.get(member) === code) this.#notices.delete(member);
    this.#tiles.get(member)?.setNotice(this.#notices.get(member));
  }

  nameOf(member) {
    return this.#tiles.get(member)?.name ?? "";
  }

  clear() {
    this.#tiles.forEach((tile) => tile.element.remove());
    this.#tiles.clear();
    this.#notices.clear();
    this.#given = {};
  }

  /** As many columns as give the largest tiles that fit; very many scroll. */
  #arrange() {
    const { clientWidth: width, clientHeight: height } = this.#list.parentElement;
    const count = this.#tiles.size;
    let best = 0;
    for (let columns = 1; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      const wide = (width - GAP * (columns + 1)) / columns;
      const high = ((height - GAP * (rows + 1)) / rows) * RATIO;
      best = Math.max(best, Math.min(wide, high));
    }
    const least = Math.min(MIN_WIDTH, width - 2 * GAP);
    this.#list.style.setProperty("--tile", `${Math.floor(Math.max(best, least))}px`);
  }
}

class Tile {
  mid = null;
  video = null; // that of the place, while it is here
  name = "";
  #row = null;
  #said = "";
  #notice;
  #given;
  #fresh = false; // a frame was shown since this place was given
  #overdue = false;
  #timer = 0;
  #turn = 0; // counts the places it was given
  #speaking = false;

  constructor(member) {
    this.element = document.createElement("li");
    this.element.className = "tile";
    this.element.dataset.member = member;
    this.element.append(document.getElementById("tile-template").content.cloneNode(true));
  }

  setRow(row) {
    const said = JSON.stringify(row);
    if (said === this.#said) return; // each change of one member tells all of them
    this.#said = said;
    this.#row = row;
    this.name = row.name;
    const room = row.protocol !== "webrtc";
    this.#text(".tile-name", row.name);
    this.#text(".tile-badge span", t(`badge_${row.protocol}`));
    this.element.querySelector(".tile-badge use").setAttribute("href", room ? "#i-room" : "#i-browser");
    this.#text(".tile-initials", initials(row.name));
    this.element.dataset.protocol = row.protocol;
    this.element.querySelector(".tile-muted").toggleAttribute("hidden", row.sound);
    this.#refresh();
  }

  /** Show the video of this place; null for none. */
  setPicture(mid, video) {
    const same = this.mid === mid && this.video === video;
    this.mid = mid;
    this.element.dataset.mid = mid ?? "";
    if (same && video) return;
    clearTimeout(this.#timer);
    this.#turn++;
    this.#fresh = this.#overdue = false;
    this.video = video;
    if (video) {
      this.element.prepend(video);
      if (video.paused) video.play().catch(() => {});
      this.#timer = setTimeout(() => this.#wait(), WAIT_MS);
      this.#awaitFrame(video, this.#turn);
    }
    this.#refresh();
  }

  setSpeaking(speaking) {
    if (this.#speaking === speaking) return;
    this.#speaking = speaking;
    this.element.classList.toggle("speaking", speaking);
  }

  setNotice(code) {
    if (this.#notice === code) return;
    this.#notice = code;
    this.#refresh();
  }

  setGiven(given) {
    if (this.#given === given) return;
    this.#given = given;
    this.#refresh();
  }

  #awaitFrame(video, turn) {
    const shown = () => {
      if (this.#turn !== turn) return;
      this.#fresh = true;
      this.#refresh();
    };
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(shown);
    else video.addEventListener("timeupdate", shown, { once: true });
  }

  #wait() {
    this.#overdue = true;
    this.#refresh();
  }

  #refresh() {
    if (!this.#row) return;
    const live = this.#row.picture === "ok" && this.#fresh && !PAUSED.has(this.#given?.rung);
    const fares = live ? this.#fares() : "";
    this.element.classList.toggle("live", live);
    this.element.dataset.rung = this.#given?.rung ?? "full";
    this.#text(".tile-reason", live ? "" : this.#reason());
    this.#text(".tile-fares", fares);
    this.element.title = this.#given ? this.#rates() : "";
    const marks = [this.name, t(`badge_${this.#row.protocol}`)];
    if (!this.#row.sound) marks.push(t("tile_muted"));
    if (!live) marks.push(this.#reason());
    if (fares) marks.push(fares);
    this.element.setAttribute("aria-label", marks.join(", "));
  }

  #reason() {
    const { picture } = this.#row;
    if (picture !== "ok") return t(`tile_${picture}`);
    if (PAUSED.has(this.#given?.rung)) return this.#fares();
    if (this.#notice && knows(`tile_${this.#notice}`)) return t(`tile_${this.#notice}`);
    return t(this.mid && !this.#overdue ? "tile_waiting" : "tile_hidden");
  }

  /** What is given of the picture, and why not more. */
  #fares() {
    if (!this.#given) return "";
    const { rung, why } = this.#given;
    const words = [`rung_${rung}`, `why_${why}`].filter(knows).map((key) => t(key));
    return words.length ? `${words.join(", ")}.` : "";
  }

  #rates() {
    const { required_bps: required, available_bps: available } = this.#given;
    return t("rates", { required: Math.round(required / 1000), available: Math.round(available / 1000) });
  }

  #text(selector, text) {
    const element = this.element.querySelector(selector);
    if (element.textContent !== text) element.textContent = text;
  }
}

function initials(name) {
  const words = name.split(/[\s-]+/).filter(Boolean);
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : words;
  return chosen.map((word) => [...word][0].toUpperCase()).join("");
}
