// The peer connection: m-lines in their order, one offer at a time.
//
//   layout, restart, codec change --> wanted --(stable)--> offer --(admitted)--> answer --> obey
//                                                            `-- the first one is said with `join`
//
// `say(type, fields)` returns false where nobody hears; `show` has state(word), way(word), layers().

import { CameraSender, prefer, receivable } from "/camera.js";
import { wayOf } from "/way.js";

const PICTURES_LATER_MS = 40; // than sound: nobody sees that, and it takes the edge off a line that falls
const KEEP_PICTURES_BACK_AFTER_MS = 3000;
const RESTART_AFTER_MS = 3000;
const RESTART_EVERY_MS = 5000;
const BLOCKED_AFTER_MS = 15000;
const WAY_EVERY_MS = 3000; // first after that, too: nobody waits for it

export class Peer {
  #say;
  #show;
  #peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  #microphone;
  #camera;
  #pictures = 0;
  #sounds = 0;
  #playout = 0;
  #keptBack = ["audio"];
  #wanted = false;
  #restart = false;
  #busy = false;
  #twice = false; // the microphone, with each packet again beside the next (RFC 2198)
  #restartAt = 0;
  #timers = [];
  #admit = null;
  #admitted = new Promise((admit) => (this.#admit = admit)); // whether our `join` had our offer
  #made = null; // tells `offered`, once
  #madeAt = performance.now();
  #relays = []; // TURN servers, told with `joined`
  #way = null;
  #watch = 0;

  /** The first offer, once it is made; "" where none could be. */
  offered = new Promise((made) => (this.#made = made));

  /** `players` have what is received; `camera`: its track, if open yet: its size says how many layers are offered. */
  constructor(say, show, players, camera = null) {
    this.camera = camera;
    this.players = players;
    this.#say = say;
    this.#show = show;
    this.#microphone = this.#peer.addTransceiver("audio", { direction: "sendonly" });
    this.#camera = new CameraSender(this.#peer, camera, () => this.negotiate(), () => this.#show.layers());
    this.#peer.oniceconnectionstatechange = () => this.#iceChanged();
  }

  /** We are in: offers may be said, but for one `offered` already; first relays are gathered from, if any. */
  admit(relays = [], { offered = false } = {}) {
    this.#relays = relays;
    this.#admit(offered);
    this.#timers.push(setTimeout(() => this.#connected || this.#show.state("blocked"), BLOCKED_AFTER_MS));
  }

  /** Since it was made, ms. */
  get age() {
    return performance.now() - this.#madeAt;
  }

  /** For the console and for tests. */
  get connection() {
    return this.#peer;
  }

  get #connected() {
    return ["connected", "completed"].includes(this.#peer.iceConnectionState);
  }

  setMicrophone(track) {
    return this.#microphone.sender.replaceTrack(track);
  }

  setCamera(track) {
    return this.#camera.setTrack(track);
  }

  /** How large the layers of this camera are, for `state`. */
  layers(track) {
    return this.#camera.sizes(track);
  }

  /** Play sound and pictures at least so many ms after they came; pictures once the first is seen. */
  keepBack(ms) {
    this.#playout = ms;
    this.#keepBack();
    this.#timers.push(setTimeout(() => {
      this.#keptBack = ["audio", "video"];
      this.#keepBack();
    }, KEEP_PICTURES_BACK_AFTER_MS));
  }

  #keepBack() {
    if (!this.#playout) return;
    for (const { receiver } of this.#peer.getTransceivers()) {
      const { kind } = receiver.track;
      const later = kind === "video" ? PICTURES_LATER_MS : 0;
      if (this.#keptBack.includes(kind)) receiver.jitterBufferTarget = this.#playout + later;
    }
  }

  /** Have as many receiving m-lines as the server wants; they never become fewer. */
  setLayout({ wide, narrow, mix, pictures }) {
    const sounds = wide + narrow + mix;
    if (this.#sounds === sounds && pictures <= this.#pictures) return;
    for (; this.#sounds < sounds; this.#sounds++) this.#peer.addTransceiver("audio", { direction: "recvonly" });
    for (; this.#pictures < pictures; this.#pictures++) {
      prefer(this.#peer.addTransceiver("video", { direction: "recvonly" }), receivable());
    }
    this.#keepBack();
    this.negotiate();
  }

  /** Offer as soon as that can be. */
  async negotiate({ restart = false } = {}) {
    this.#wanted = true;
    this.#restart ||= restart;
    if (this.#busy || this.#peer.signalingState !== "stable") return;
    this.#busy = true;
    try {
      const again = this.#restart;
      this.#wanted = this.#restart = false;
      await this.#peer.setLocalDescription(await this.#peer.createOffer({ iceRestart: again }));
      this.#play();
      const { sdp } = this.#peer.localDescription;
      const tell = this.#made;
      this.#made = null;
      tell?.(sdp);
      const offered = await this.#admitted;
      if (tell && offered) return;
      if (this.#relays.length) await this.#useRelays(again);
      this.#say("offer", { sdp: this.#peer.localDescription.sdp, restart: again });
    } finally {
      this.#made?.("");
      this.#busy = false;
    }
  }

  /** Each m-line has its track from when it has its name, long before an answer. */
  #play() {
    for (const { mid, direction, receiver } of this.#peer.getTransceivers()) {
      if (mid && direction === "recvonly") this.players.add(mid, receiver.track);
    }
  }

  /** The offer was made before we were in, and knew of none. */
  async #useRelays(iceRestart) {
    const iceServers = this.#relays;
    this.#relays = [];
    await this.#peer.setLocalDescription({ type: "rollback" });
    this.#peer.setConfiguration({ bundlePolicy: "max-bundle", iceServers });
    await this.#peer.setLocalDescription(await this.#peer.createOffer({ iceRestart }));
    this.#play();
  }

  async takeAnswer(sdp) {
    if (this.#peer.signalingState !== "have-local-offer") return; // of an offer taken back
    await this.#peer.setRemoteDescription({ type: "answer", sdp });
    this.players.hear();
    await this.#camera.obey();
    if (this.#wanted) await this.negotiate();
  }

  /** The last offer will not be answered; `again`: offer anew (the WebSocket was lost). */
  async takeBack({ again }) {
    if (this.#peer.signalingState !== "have-local-offer") {
      if (again && !this.#connected) await this.negotiate({ restart: true });
      return;
    }
    await this.#peer.setLocalDescription({ type: "rollback" });
    if (again) await this.negotiate({ restart: !this.#connected });
  }

  /** Encode the camera as the server asks; sound goes once or twice as the answer to an offer says. */
  async send({ camera, microphone = {} }) {
    const twice = Boolean(microphone.twice);
    const changed = twice !== this.#twice;
    this.#twice = twice;
    await this.#camera.send(camera);
    if (changed) await this.negotiate();
  }

  /** Mids whose sound is heard right now: a Map of mid -> 0..1. */
  levels() {
    const levels = new Map();
    for (const { mid, receiver } of this.#peer.getTransceivers()) {
      if (receiver.track.kind !== "audio" || !mid) continue;
      const [source] = receiver.getSynchronizationSources?.() ?? [];
      const fresh = source && performance.timeOrigin + performance.now() - source.timestamp < 1000;
      if (fresh) levels.set(mid, source.audioLevel ?? 0);
    }
    return levels;
  }

  close() {
    this.#timers.forEach(clearTimeout);
    clearInterval(this.#watch);
    this.#peer.oniceconnectionstatechange = null;
    this.#peer.close();
    this.players.close();
  }

  #iceChanged() {
    const state = this.#peer.iceConnectionState;
    if (this.#connected) {
      this.#show.state("connected");
      this.#watch ||= setInterval(() => this.#lookAtWay(), WAY_EVERY_MS);
    }
    else if (state === "failed") this.#restartIce();
    else if (state === "disconnected") {
      this.#timers.push(setTimeout(() => this.#connected || this.#restartIce(), RESTART_AFTER_MS));
    }
  }

  /** Say it whenever it is another: a network that opens up is taken after a while. */
  async #lookAtWay() {
    const way = await wayOf(this.#peer).catch(() => null);
    if (!way || way === this.#way) return;
    this.#way = way;
    this.#show.way(way);
    this.#say("path", { way });
  }

  #restartIce() {
    if (this.#peer.signalingState === "closed") return;
    this.#show.state("lost");
    const wait = Math.max(0, this.#restartAt + RESTART_EVERY_MS - Date.now());
    this.#restartAt = Date.now() + wait;
    this.#timers.push(setTimeout(() => this.#connected || this.negotiate({ restart: true }), wait));
  }
}
