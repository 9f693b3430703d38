// A member of Janus's video room: one connection that publishes, one for each feed it watches.

class Session {
  #socket;
  #waiting = new Map(); // transaction -> {done, jsep}
  #number = 0;
  #id;
  #heard;

  /** `heard(event, jsep, sender)` takes what the plugin says unasked. */
  static async open(url, heard) {
    const session = new Session();
    session.#heard = heard;
    session.#socket = new WebSocket(url, "janus-protocol");
    await new Promise((open, fail) => {
      session.#socket.onopen = open;
      session.#socket.onerror = () => fail(new Error(`no Janus at ${url}`));
    });
    session.#socket.onmessage = ({ data }) => session.#take(JSON.parse(data));
    session.#id = (await session.ask({ janus: "create" })).data.id;
    setInterval(() => session.ask({ janus: "keepalive" }), 20000);
    return session;
  }

  /** Say something; the answer, or for a message to the plugin its event. */
  ask(fields) {
    const transaction = `t${this.#number++}`;
    const message = { ...fields, transaction };
    if (this.#id) message.session_id = this.#id;
    const answered = new Promise((done, fail) => this.#waiting.set(transaction, { done, fail }));
    this.#socket.send(JSON.stringify(message));
    return answered;
  }

  async attach() {
    return (await this.ask({ janus: "attach", plugin: "janus.plugin.videoroom" })).data.id;
  }

  tell(handle, body, jsep) {
    return this.ask({ janus: "message", handle_id: handle, body, ...(jsep && { jsep }) });
  }

  #take(message) {
    if (message.janus === "ack") return; // the event comes later; a keepalive has none
    const waits = this.#waiting.get(message.transaction);
    if (waits) {
      this.#waiting.delete(message.transaction);
      if (message.janus === "error") waits.fail(new Error(message.error.reason));
      else waits.done(message);
    } else if (message.janus === "event") this.#heard(message);
  }
}

/** Join and publish; who is there, and who comes, is watched. */
window.lineJanus = async ({ url, room, site, simulcast }) => {
  const session = await Session.open(url, ({ plugindata: { data } }) => watchAll(data.publishers));
  const watched = new Set();

  function watchAll(publishers = []) {
    for (const { id } of publishers) if (!watched.has(id) && watched.add(id)) watch(id);
  }

  async function watch(feed) {
    const handle = await session.attach();
    const { jsep } = await session.tell(handle, { request: "join", room, ptype: "subscriber", feed });
    const peer = window.lineConnect(feed); // feeds are numbered as the sites are
    await peer.setRemoteDescription(jsep);
    await peer.setLocalDescription();
    const sdp = await window.lineDescribed(peer);
    await session.tell(handle, { request: "start" }, { type: "answer", sdp });
  }

  const handle = await session.attach();
  const joined = await session.tell(handle, { request: "join", room, ptype: "publisher", id: site, display: `${site}` });
  const peer = window.lineConnect(0);
  const camera = window.lineCamera();
  peer.addTransceiver(camera.getAudioTracks()[0], { direction: "sendonly", streams: [camera] });
  peer.addTransceiver(camera.getVideoTracks()[0], {
    direction: "sendonly",
    streams: [camera],
    ...(simulcast && {
      sendEncodings: [
        { rid: "l", scaleResolutionDownBy: 2, maxBitrate: 150_000 },
        { rid: "h", maxBitrate: 700_000 },
      ],
    }),
  });
  await peer.setLocalDescription();
  const jsep = { type: "offer", sdp: await window.lineDescribed(peer) };
  if (simulcast) jsep.rid_order = "lmh"; // it takes rids as highest first, else
  const publish = session.tell(handle, { request: "publish" }, jsep);
  watchAll(joined.plugindata.data.publishers);
  await peer.setRemoteDescription((await publish).jsep);
};
