// A plain member for systems without a page of their own: camera, connections, loudspeakers.

let own = null;
const peers = new Map(); // who is at the other end -> connection

window.lineOpen = async () => {
  own = await navigator.mediaDevices.getUserMedia({
    video: { width: 640, height: 360, frameRate: 25 },
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
};

window.lineCamera = () => own;

window.lineShow = (track) => {
  const element = document.createElement(track.kind);
  element.autoplay = true;
  element.srcObject = new MediaStream([track]);
  if (track.kind === "video") element.width = 320;
  document.body.append(element);
};

/** A connection whose tracks are shown and played; `from` says who is at its other end. */
window.lineConnect = (from) => {
  const peer = new RTCPeerConnection();
  peer.lineFrom = from;
  peer.ontrack = ({ track }) => window.lineShow(track);
  return peer;
};

/** The description once all host candidates are in it. */
window.lineDescribed = async (peer) => {
  while (peer.iceGatheringState !== "complete") {
    await new Promise((done) => peer.addEventListener("icegatheringstatechange", done, { once: true }));
  }
  return peer.localDescription.sdp;
};

function meet(other) {
  const peer = window.lineConnect(other);
  peers.set(other, peer);
  for (const track of own.getTracks()) peer.addTrack(track, own);
  return peer;
}

window.lineOffer = async (other) => {
  const peer = meet(other);
  await peer.setLocalDescription();
  return window.lineDescribed(peer);
};

window.lineAnswer = async ([other, sdp]) => {
  const peer = meet(other);
  await peer.setRemoteDescription({ type: "offer", sdp });
  await peer.setLocalDescription();
  return window.lineDescribed(peer);
};

window.lineTake = ([other, sdp]) => peers.get(other).setRemoteDescription({ type: "answer", sdp });
