// The camera's encoder: layers of one picture (RFC 8853), codec and rates as the server asks.
//
//   capture 640x360   l 320x180  h 640x360      layers offered for a larger camera than this one:
//   capture 1280x720  l 320x180  m 640x360  h 1280x720      l 320x180  m 640x360  h off
//
// VP8 comes in three temporal layers where the browser can: who has a thin line is sent half the pictures.

const THREE = 960 * 540; // dots: of a smaller capture Chromium makes two layers, the first two of three
const START = {
  2: [["l", 150_000], ["h", 600_000]],
  3: [["l", 120_000], ["m", 300_000], ["h", 600_000]],
}; // bit/s until the first `send`: a line of 2 Mbit/s bears it, whatever else it carries

const LAYERED = "L1T3"; // of VP8; room codecs see H.264, plain

export class CameraSender {
  #peer;
  #offerAnew;
  #changed;
  #temporals = 1;
  #transceiver;
  #asked = null; // the last `send`
  #told = false; // that pictures a second count more than their size: `getParameters` does not say it
  #fallback = ""; // codec put first by setCodecPreferences, where setParameters cannot
  #obeying = Promise.resolve();

  /**
   * `track` is the camera if it is open yet; `offerAnew` is called where a codec needs an offer, `changed` where
   * `sizes` are others now.
   */
  constructor(peer, track, offerAnew, changed) {
    this.#peer = peer;
    this.#offerAnew = offerAnew;
    this.#changed = changed;
    const layers = START[useful(track, 3)];
    this.#transceiver = this.#add(
      layers.map(([rid, maxBitrate], at) => ({ rid, maxBitrate, scaleResolutionDownBy: scale(at, layers.length) })),
    );
    prefer(this.#transceiver, sendable());
  }

  get sender() {
    return this.#transceiver.sender;
  }

  async setTrack(track) {
    await this.sender.replaceTrack(track);
    await this.obey();
  }

  /** Encode as the server asks. */
  send(camera) {
    this.#asked = camera;
    return this.obey();
  }

  /** Do what was asked last, again after each answer: one `setParameters` at a time. */
  obey() {
    this.#obeying = this.#obeying.then(() => this.#obey());
    return this.#obeying;
  }

  /** How large each layer would come from this track, lowest first: [{rid, height, fps, temporals}]. */
  sizes(track) {
    const { height, fps } = size(track);
    if (!height) return [];
    const encodings = this.sender.getParameters().encodings;
    const temporals = this.#temporals;
    if (encodings.length < 2) return [{ rid: "", height, fps, temporals }];
    const used = useful(track, encodings.length);
    return encodings.slice(0, used).map(({ rid }, at) => ({ rid, height: Math.round(height / scale(at, used)), fps, temporals }));
  }

  #add(sendEncodings) {
    try {
      return this.#peer.addTransceiver("video", { direction: "sendonly", sendEncodings });
    } catch {
      const [{ maxBitrate }] = sendEncodings.slice(-1); // no layers here: one stream
      const one = [{ maxBitrate }];
      return this.#peer.addTransceiver("video", { direction: "sendonly", sendEncodings: one });
    }
  }

  async #obey() {
    if (this.#peer.signalingState === "closed") return;
    const wish = this.#transceiver.currentDirection && this.#asked; // before an answer no codec is agreed
    const parameters = this.sender.getParameters();
    const codec = wish && parameters.codecs.find((candidate) => fits(candidate, wish));
    const before = JSON.stringify(parameters.encodings);
    const slow = parameters.encodings.some((encoding) => encoding.active && encoding.maxFramerate);
    this.#shape(parameters.encodings, wish, codec);
    parameters.degradationPreference = "maintain-framerate"; // pictures a second are the server's to choose
    if (codec && !this.#fallback) {
      for (const encoding of parameters.encodings) if (!(encoding.codec && fits(encoding.codec, wish))) encoding.codec = codec;
    }
    const same = JSON.stringify(parameters.encodings) === before;
    if (same && (this.#told || !wish)) return; // it is so already: each time takes the encoder some 10 ms
    this.#told = Boolean(wish);
    try {
      await this.sender.setParameters(parameters);
    } catch {
      const again = this.sender.getParameters(); // an old browser that knows the word and not the deed
      this.#shape(again.encodings, wish, codec);
      for (const encoding of again.encodings) delete encoding.scalabilityMode;
      await this.sender.setParameters(again).catch(() => {});
    }
    // Chromium (156) goes on with fewer pictures a second until its source is put in anew
    if (slow && !parameters.encodings.some((encoding) => encoding.maxFramerate)) {
      await this.sender.replaceTrack(this.sender.track).catch(() => {});
    }
    const [first] = this.sender.getParameters().encodings;
    this.#count(first);
    if (codec && !(first?.codec && fits(first.codec, wish))) this.#preferFirst(wish);
  }

  /** What the browser took of what was asked: where it knows no layers it says none. */
  #count({ scalabilityMode = "" } = {}) {
    const before = this.#temporals;
    this.#temporals = Number(/^L1T([23])$/.exec(scalabilityMode)?.[1] ?? 1);
    if (this.#temporals !== before) this.#changed();
  }

  /** Size and rate of each layer; a browser or a server without layers has one, asked as a whole. */
  #shape(encodings, wish, codec) {
    const { track } = this.sender;
    const { height } = size(track);
    const used = useful(track, encodings.length);
    for (const [at, encoding] of encodings.entries()) {
      const layer = wish?.layers?.length ? wish.layers.find(({ rid }) => rid === encoding.rid) : wish;
      const most = layer?.max_height;
      encoding.scaleResolutionDownBy = Math.max(scale(at, used), most && height ? height / most : 1);
      if (at >= used || (wish && !layer)) encoding.active = false;
      else if (wish) encoding.active = wish.active && layer.active && Boolean(codec);
      if (codec && is(codec, "VP8")) encoding.scalabilityMode = LAYERED;
      else delete encoding.scalabilityMode;
      if (layer) encoding.maxBitrate = layer.max_bps;
      if (layer?.max_fps) encoding.maxFramerate = layer.max_fps;
      else delete encoding.maxFramerate;
    }
  }

  /** Where `setParameters` cannot choose the codec (Safari, Firefox): put it first, and offer. */
  #preferFirst(wish) {
    const key = `${wish.codec}/${wish.mode}`;
    if (this.#fallback === key) return;
    this.#fallback = key;
    const all = sendable();
    const first = all.filter((codec) => fits(codec, wish));
    prefer(this.#transceiver, [...first, ...all.filter((codec) => !first.includes(codec))]);
    this.#offerAnew();
  }
}

/** What a tile can show. */
export function receivable() {
  return (RTCRtpReceiver.getCapabilities("video")?.codecs ?? []).filter((codec) =>
    ["VP8", "H264", "rtx"].some((name) => is(codec, name)),
  );
}

export function prefer(transceiver, codecs) {
  try {
    transceiver.setCodecPreferences(codecs);
  } catch {
    // it offers everything then; the server takes what it can
  }
}

/** How many of so many layers this capture is good for. */
function useful(track, layers) {
  const { width = 0, height = 0 } = track?.getSettings() ?? {};
  return width && width * height < THREE ? Math.min(layers, 2) : layers;
}

/** Each layer has half the lines of the one above. */
function scale(at, layers) {
  return 2 ** Math.max(0, layers - 1 - at);
}

function size(track) {
  const { height = 0, frameRate = 25 } = track?.getSettings() ?? {};
  return { height, fps: Math.min(120, Math.max(1, Math.round(frameRate))) };
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
