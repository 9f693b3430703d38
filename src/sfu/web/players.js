// What plays the places of a peer: a <video> or an <audio> for each m-line that receives.
//
// They are made in the lobby, with the first offer: ten players take a slow machine longer to begin than the first
// picture takes to come.  A tile shows the video of its member's place; those of nobody wait in `#places`.

import { stored } from "/devices.js";

const $ = (id) => document.getElementById(id);

export class Players {
  #elements = new Map(); // track -> <video> or <audio>, each with the mid of its place
  #silent = new Set(); // sounds the browser does not let play yet
  #heard = false;
  #blocked;

  /** `blocked(bool)` is told whether the browser waits for a click before it plays sound. */
  constructor(blocked) {
    this.#blocked = blocked;
  }

  /** Play this track, known by `mid` from now on: an offer that was taken back may have named it otherwise. */
  add(mid, track) {
    const element = this.#elements.get(track) ?? this.#make(track);
    element.dataset.mid = mid;
  }

  #make(track) {
    const element = document.createElement(track.kind);
    this.#elements.set(track, element);
    element.srcObject = new MediaStream([track]);
    if (track.kind === "video") {
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

  get #sounds() {
    return this.#of("audio");
  }

  #of(kind) {
    return [...this.#elements].filter(([track]) => track.kind === kind).map(([, element]) => element);
  }

  /** The video of a place, null where there is none. */
  video(mid) {
    return this.#of("video").find(({ dataset }) => dataset.mid === mid) ?? null;
  }

  /** Nobody is seen in it now. */
  putBack(video) {
    $("places").append(video);
  }

  /** Let all be heard; again after a click. */
  hear() {
    this.#heard = true;
    for (const sound of this.#sounds) if (sound.paused) this.#play(sound);
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
    for (const sound of this.#sounds) sound.setSinkId?.(id).catch(() => {});
  }

  close() {
    for (const element of this.#elements.values()) {
      element.srcObject = null;
      element.remove();
    }
    this.#elements.clear();
    this.#silent.clear();
    this.#blocked(false);
  }
}
