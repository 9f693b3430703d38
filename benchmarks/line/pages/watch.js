// Runs first in every page: notes what all its peer connections count, four times a second, and what
// a WebSocket told.  `lineRows`: [{at, streams: [...], sent: [...], paths: [...]}]; times in seconds.
// When each place had its first picture to show is noted exactly.

(() => {
  const EVERY_MS = 250;
  const KEPT = [
    "kind", "mid", "ssrc", "rid", "active", "framesDecoded", "framesEncoded", "keyFramesDecoded",
    "keyFramesEncoded", "freezeCount", "totalFreezesDuration", "bytesReceived", "bytesSent",
    "headerBytesReceived", "retransmittedBytesReceived", "retransmittedBytesSent", "packetsReceived",
    "packetsSent", "packetsLost", "packetsDiscarded", "frameWidth", "frameHeight", "concealedSamples",
    "silentConcealedSamples", "concealmentEvents", "totalSamplesReceived", "jitterBufferDelay",
    "jitterBufferEmittedCount", "targetBitrate", "qualityLimitationReason", "nackCount", "pliCount",
    "encoderImplementation", "availableOutgoingBitrate", "currentRoundTripTime",
  ];
  const peers = (window.linePeers = []);
  const rows = (window.lineRows = []);
  const told = (window.lineTold = []);
  const firsts = [];
  const now = () => Date.now() / 1000;

  const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    constructor(...words) {
      super(...words);
      peers.push(this);
    }
  };

  const Link = window.WebSocket;
  window.WebSocket = class extends Link {
    constructor(...words) {
      super(...words);
      this.addEventListener("message", ({ data }) => {
        const message = JSON.parse(data);
        if (!message.type || message.sdp || message.type === "pong") return;
        delete message.resume;
        told.push({ at: now(), message });
      });
    }
  };

  // the page's own <video>s: one more for each track would cost the join what it measures
  const shown = ({ target }) => {
    const track = target.srcObject?.getVideoTracks?.()[0];
    for (const peer of peers) {
      const place = peer.getTransceivers().find(({ receiver }) => receiver.track === track);
      if (track && place) firsts.push({ at: now(), mid: place.mid, from: peer.lineFrom ?? 0 });
    }
  };
  document.addEventListener("loadeddata", shown, true);

  let busy = false;
  async function look() {
    if (busy) return;
    busy = true;
    const row = { at: now(), streams: [], sent: [], paths: [] };
    for (const [index, peer] of peers.entries()) {
      if (peer.connectionState === "closed") continue;
      for (const stat of (await peer.getStats()).values()) {
        const place = { "inbound-rtp": row.streams, "outbound-rtp": row.sent, "candidate-pair": row.paths }[stat.type];
        if (!place || (stat.type === "candidate-pair" && !stat.nominated)) continue;
        const kept = { id: `${index}/${stat.id}`, from: peer.lineFrom ?? 0 };
        for (const name of KEPT) if (stat[name] !== undefined) kept[name] = stat[name];
        place.push(kept);
      }
    }
    rows.push(row);
    busy = false;
  }
  const timer = setInterval(look, EVERY_MS);

  /** Hang up; all that was noted, as JSON: the browser's own values would take it many seconds. */
  window.lineEnd = () => {
    clearInterval(timer);
    for (const peer of peers) peer.close();
    return JSON.stringify({ rows, told, firsts });
  };

  /** The colour at the patch of each picture that plays: [[red, green, blue], ...]. */
  window.lineSeen = ([left, top, width, height]) => {
    const seen = [];
    const own = new Set(peers.flatMap((peer) => peer.getSenders().map(({ track }) => track)));
    for (const video of document.querySelectorAll("video")) {
      if (!video.srcObject || !video.videoWidth || own.has(video.srcObject.getTracks()[0])) continue;
      const scale = video.videoWidth / 640;
      const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
      const context = canvas.getContext("2d");
      context.drawImage(video, left * scale, top * scale, width * scale, height * scale, 0, 0, 1, 1);
      seen.push([...context.getImageData(0, 0, 1, 1).data.slice(0, 3)]);
    }
    return seen;
  };
})();
