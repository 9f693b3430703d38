// Microphone and camera of this machine: asked for, chosen, switched off, measured.

const VIDEO = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25, max: 30 } };
const REASONS = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};

export class Devices {
  microphone = null; // MediaStreamTrack or null
  camera = null;
  problems = {}; // {microphone: "denied"|"missing"|"busy", camera: ...}
  #chosen = { microphone: stored("microphone"), camera: stored("camera") };
  #raw;

  /** `raw`: leave the sound as it is, for a room with an echo canceller of its own. */
  constructor({ raw = false } = {}) {
    this.#raw = raw;
  }

  get secure() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
  }

  /** Open what is asked for and not open yet; what cannot be had is told in `problems`. */
  async open(on) {
    if (!this.secure) return;
    const microphone = on.microphone && !this.microphone;
    const camera = on.camera && !this.camera;
    try {
      if (microphone && camera) {
        const stream = await this.#ask({ audio: this.#audio(), video: this.#video() });
        [this.microphone] = stream.getAudioTracks();
        [this.camera] = stream.getVideoTracks();
        this.problems = {};
        return;
      }
    } catch {
      // one of the two is missing or refused: ask for each, to know which
    }
    if (microphone) await this.openOne("microphone");
    if (camera) await this.openOne("camera");
  }

  async openOne(kind) {
    if (!this.secure) return null;
    try {
      const audio = kind === "microphone";
      const stream = await this.#ask(audio ? { audio: this.#audio() } : { video: this.#video() });
      this.close(kind);
      [this[kind]] = stream.getTracks();
      delete this.problems[kind];
    } catch (error) {
      this.problems[kind] = REASONS[error.name] ?? "busy";
    }
    return this[kind];
  }

  /** Change to another device of this kind. */
  async choose(kind, id) {
    this.#chosen[kind] = id;
    remember(kind, id);
    if (kind === "camera") this.close(kind); // some drivers open one at a time
    return this.openOne(kind);
  }

  close(kind) {
    this[kind]?.stop();
    this[kind] = null;
  }

  closeAll() {
    this.close("microphone");
    this.close("camera");
  }

  /** {microphone: [{id, label}], camera: [...], speakers: [...]} */
  async list() {
    const found = { microphone: [], camera: [], speakers: [] };
    const names = { audioinput: "microphone", videoinput: "camera", audiooutput: "speakers" };
    if (!this.secure) return found;
    for (const device of await navigator.mediaDevices.enumerateDevices()) {
      const list = found[names[device.kind]];
      if (device.deviceId) list?.push({ id: device.deviceId, label: device.label || `${list.length + 1}` });
    }
    return found;
  }

  current(kind) {
    return this[kind]?.getSettings().deviceId ?? this.#chosen[kind] ?? "";
  }

  #ask(constraints) {
    return navigator.mediaDevices.getUserMedia(constraints);
  }

  #audio() {
    const processing = !this.#raw;
    return {
      ...wanted(this.#chosen.microphone),
      echoCancellation: processing,
      noiseSuppression: processing,
      autoGainControl: processing,
    };
  }

  #video() {
    return { ...wanted(this.#chosen.camera), ...VIDEO };
  }
}

const wanted = (id) => (id ? { deviceId: { ideal: id } } : {});

export function stored(key) {
  try {
    return localStorage.getItem(`sfu.${key}`) ?? "";
  } catch {
    return ""; // storage switched off
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(`sfu.${key}`, value);
  } catch {
    // storage switched off
  }
}

let context = null; // one for all that is ever measured: another takes some 50 ms to begin
let measured = 0;

/** Measures and plays nothing: where the browser can, it opens no loudspeaker either. */
function measuring() {
  context ??= new AudioContext({ sinkId: { type: "none" } });
  context.resume().catch(() => {}); // after a click
  return context;
}

/** Calls `show(0..1)` some 15 times a second with the loudness of a track; returns how to stop. */
export function measure(track, show) {
  if (!track || typeof AudioContext === "undefined") return () => show(0);
  const analyser = measuring().createAnalyser();
  analyser.fftSize = 1024;
  const source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(analyser);
  measured++;
  const samples = new Float32Array(analyser.fftSize);
  const wake = () => context.resume();
  for (const event of ["pointerdown", "keydown"]) addEventListener(event, wake);
  let timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const decibels = 10 * Math.log10(power + 1e-9); // -90 (silence) to 0
    show(Math.min(1, Math.max(0, (decibels + 60) / 54)));
  }, 66);
  return () => {
    if (!timer) return;
    clearInterval(timer);
    timer = 0;
    for (const event of ["pointerdown", "keydown"]) removeEventListener(event, wake);
    source.disconnect();
    if (!--measured) context.suspend();
    show(0);
  };
}
