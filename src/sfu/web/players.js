// What plays the places of a peer: a <video> or an <audio> for each m-line that receives.
//
// They are made in the lobby, with the first offer: ten players take a slow machine longer to begin than the first
// picture takes to come.  A tile shows the video of its member's place; those of nobody wait in `#places`.

import { stored } from "/devices.js";

const $ = (id) => document.getElementById(id);

export class Players {
  #videos = new Map(); // mid -> <video>
  #sounds = new Map(); // mid -> <audio>
  #silent = new Set(); // those the browser does not let play yet
  #heard = false;
  #blocked;

  /** `blocked(bool)` is told whether the browser waits for a click before it plays sound. */
  constructor(blocked) {
    this.#blocked = blocked;
  }

  /** Play this track, known by `mid` from now on. */
  add(mid, track) {
    const [kept, tag] = track.kind === "video" ? [this.#videos, "video"] : [this.#sounds, "audio"];
    const known = [...kept].find(([, { srcObject }]) => srcObject.getTracks()[0] === track);
    if (known) kept.delete(known[0]); // the offer that named it so was taken back
    const element = known?.[1] ?? this.#make(tag, track);
    element.dataset.mid = mid;
    kept.set(mid, element);
  }

  #make(tag, track) {
    const element = document.createElement(tag);
    element.srcObject = new MediaStream([track]);
    if (tag === "video") {
      element.autoplay = element.playsInline = true;
      element.muted = true; // sound comes by elements of its own
      this.putBack(element);
      element.play().catch(() => {}); // shown when the browser lets it
    } else {
      const speakers = stored("speakers");
      if (speakers) element.setSinkId?.(speakers).catch(() => {}); // unplugged since
      $("sounds").append(element);
      if (this.#heard) this.#play(element);
    }
    return element;
  }

  /** The video of a place, null where there is none. */
  video(mid) {
    return this.#videos.get(mid) ?? null;
  }

  /** Nobody is seen in it now. */
  putBack(video) {
    $("places").append(video);
  }

  /** Let all be heard; again after a click. */
  hear() {
    this.#heard = true;
    for (const sound of this.#sounds.values()) if (sound.paused) this.#play(sound);
  }

  async #play(sound) {
    sound.autoplay = true;
    try {
      await sound.play();
      this.#silent.delete(sound);
    } catch (error) {
      if (error.name === "NotAllowedError") this.#silent.add(sound);
    }
    this.#blocked(this.#silent.size > 0);
  }

  /** Hear sound from other loudspeakers. */
  setSpeakers(id) {
    for (const sound of this.#sounds.values()) sound.setSinkId?.(id).catch(() => {});
  }

  close() {
    for (const element of [...this.#videos.values(), ...this.#sounds.values()]) {
      element.srcObject = null;
      element.remove();
    }
    this.#videos.clear();
    this.#sounds.clear();
    this.#silent.clear();
    this.#blocked(false);
  }
}
