// The peer connection: m-lines in their order, one offer at a time, the camera as the server asks.
//
//   layout, restart, codec change --> wanted --(stable)--> offer --(admitted)--> answer --> obey
//
// `say(type, fields)` returns false where nobody hears; `show` has track(mid, track), state(word).

const RESTART_AFTER_MS = 3000;
const RESTART_EVERY_MS = 5000;
const BLOCKED_AFTER_MS = 15000;

export class Peer {
  #say;
  #show;
  #peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  #microphone;
  #camera;
  #pictures = 0;
  #sounds = 0;
  #wanted = false;
  #restart = false;
  #busy = false;
  #asked = null; // the last `send` for the camera
  #fallback = ""; // codec put first by setCodecPreferences, where setParameters cannot
  #restartAt = 0;
  #timers = [];
  #admit = null;
  #admitted = new Promise((admit) => (this.#admit = admit));

  constructor(say, show) {
    this.#say = say;
    this.#show = show;
    this.#microphone = this.#peer.addTransceiver("audio", { direction: "sendonly" });
    this.#camera = this.#peer.addTransceiver("video", { direction: "sendonly" });
    this.#prefer(this.#camera, sendable());
    this.#peer.ontrack = ({ transceiver, track }) => this.#show.track(transceiver.mid, track);
    this.#peer.oniceconnectionstatechange = () => this.#iceChanged();
  }

  /** We are in: offers may be said. */
  admit() {
    this.#admit();
    this.#timers.push(setTimeout(() => this.#connected || this.#show.state("blocked"), BLOCKED_AFTER_MS));
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

  async setCamera(track) {
    await this.#camera.sender.replaceTrack(track);
    await this.#obey();
  }

  /** Have as many receiving m-lines as the server wants; they never become fewer. */
  setLayout({ wide, narrow, mix, pictures }) {
    const sounds = wide + narrow + mix;
    if (this.#sounds === sounds && pictures <= this.#pictures) return;
    for (; this.#sounds < sounds; this.#sounds++) this.#peer.addTransceiver("audio", { direction: "recvonly" });
    for (; this.#pictures < pictures; this.#pictures++) {
      this.#prefer(this.#peer.addTransceiver("video", { direction: "recvonly" }), receivable());
    }
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
      await this.#admitted;
      this.#say("offer", { sdp: this.#peer.localDescription.sdp, restart: again });
    } finally {
      this.#busy = false;
    }
  }

  async takeAnswer(sdp) {
    if (this.#peer.signalingState !== "have-local-offer") return; // of an offer taken back
    await this.#peer.setRemoteDescription({ type: "answer", sdp });
    await this.#obey();
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

  /** Encode the camera as the server asks. */
  send(camera) {
    this.#asked = camera;
    return this.#obey();
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
    this.#peer.oniceconnectionstatechange = this.#peer.ontrack = null;
    this.#peer.close();
  }

  async #obey() {
    const wish = this.#asked;
    const sender = this.#camera.sender;
    if (!wish || this.#peer.signalingState === "closed" || !this.#camera.currentDirection) return;
    const parameters = sender.getParameters();
    const [encoding] = parameters.encodings;
    const codec = parameters.codecs.find((candidate) => fits(candidate, wish));
    if (!encoding) return;
    encoding.active = wish.active && Boolean(codec);
    encoding.maxBitrate = wish.max_bps;
    const height = sender.track?.getSettings().height;
    encoding.scaleResolutionDownBy = wish.max_height && height ? Math.max(1, height / wish.max_height) : 1;
    if (codec && !this.#fallback) encoding.codec = codec;
    try {
      await sender.setParameters(parameters);
    } catch {
      delete encoding.codec; // an old browser that knows the word and not the deed
      await sender.setParameters({ ...sender.getParameters(), encodings: [encoding] }).catch(() => {});
    }
    const taken = sender.getParameters().encodings[0]?.codec;
    if (codec && !(taken && fits(taken, wish))) this.#preferFirst(wish);
  }

  /** Where `setParameters` cannot choose the codec (Safari, Firefox): put it first, and offer. */
  #preferFirst(wish) {
    const key = `${wish.codec}/${wish.mode}`;
    if (this.#fallback === key) return;
    this.#fallback = key;
    const all = sendable();
    const first = all.filter((codec) => fits(codec, wish));
    this.#prefer(this.#camera, [...first, ...all.filter((codec) => !first.includes(codec))]);
    this.negotiate();
  }

  #prefer(transceiver, codecs) {
    try {
      transceiver.setCodecPreferences(codecs);
    } catch {
      // it offers everything then; the server takes what it can
    }
  }

  #iceChanged() {
    const state = this.#peer.iceConnectionState;
    if (this.#connected) this.#show.state("connected");
    else if (state === "failed") this.#restartIce();
    else if (state === "disconnected") {
      this.#timers.push(setTimeout(() => this.#connected || this.#restartIce(), RESTART_AFTER_MS));
    }
  }

  #restartIce() {
    if (this.#peer.signalingState === "closed") return;
    this.#show.state("lost");
    const wait = Math.max(0, this.#restartAt + RESTART_EVERY_MS - Date.now());
    this.#restartAt = Date.now() + wait;
    this.#timers.push(setTimeout(() => this.#connected || this.negotiate({ restart: true }), wait));
  }
}

const mode = ({ sdpFmtpLine = "" }) => (/packetization-mode=1/.test(sdpFmtpLine) ? 1 : 0);
const is = ({ mimeType }, name) => mimeType.toLowerCase() === `video/${name.toLowerCase()}`;

function fits(codec, wish) {
  return is(codec, wish.codec) && (wish.codec !== "H264" || mode(codec) === wish.mode);
}

/** H.264 baseline, which every room decodes, and VP8; repairs; nothing the server would not forward. */
function sendable() {
  return (RTCRtpSender.getCapabilities("video")?.codecs ?? []).filter(
    (codec) =>
      is(codec, "VP8") ||
      is(codec, "rtx") ||
      (is(codec, "H264") && /profile-level-id=42/i.test(codec.sdpFmtpLine ?? "")),
  );
}

function receivable() {
  return (RTCRtpReceiver.getCapabilities("video")?.codecs ?? []).filter((codec) =>
    ["VP8", "H264", "rtx"].some((name) => is(codec, name)),
  );
}
