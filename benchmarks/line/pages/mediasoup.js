// A member of a mediasoup room: one connection that sends, one for all that is watched.

window.lineMediasoup = async ({ url, site, encodings }) => {
  async function ask(what, fields = {}) {
    const answer = await fetch(`${url}/${what}`, { method: "POST", body: JSON.stringify({ site, ...fields }) });
    if (!answer.ok) throw new Error(`${what}: ${answer.status}`);
    return answer.json();
  }

  const device = await window.mediasoupClient.Device.factory();
  await device.load({ routerRtpCapabilities: await ask("capabilities") });

  async function open(direction) {
    const transport = device[direction](await ask("transport"));
    const { id } = transport;
    transport.on("connect", ({ dtlsParameters }, done, fail) => {
      ask("connect", { id, dtlsParameters }).then(done, fail);
    });
    transport.on("produce", ({ kind, rtpParameters }, done, fail) => {
      ask("produce", { id, kind, rtpParameters }).then(done, fail);
    });
    return transport;
  }

  // told as our own page is told: whom each place of the connection carries
  const slots = { type: "slots", pictures: {}, sounds: {} };
  const members = { type: "members", members: [] };
  function note() {
    const at = Date.now() / 1000;
    window.lineTold.push(...structuredClone([members, slots]).map((message) => ({ at, message })));
  }

  async function watch(receiving, producer) {
    const wish = { id: receiving.id, producerId: producer.id, rtpCapabilities: device.recvRtpCapabilities };
    const consumer = await receiving.consume(await ask("consume", wish));
    members.members.push({ member: producer.site, name: `Site ${producer.site}` });
    const places = consumer.kind === "video" ? slots.pictures : slots.sounds;
    places[consumer.localId] = producer.site;
    note();
    window.lineShow(consumer.track);
    await ask("resume", { id: consumer.id });
  }

  const [sending, receiving] = await Promise.all([open("createSendTransport"), open("createRecvTransport")]);
  const news = new EventSource(`${url}/news?site=${site}`);
  news.onmessage = ({ data }) => watch(receiving, JSON.parse(data));
  const camera = window.lineCamera();
  await sending.produce({ track: camera.getAudioTracks()[0] });
  await sending.produce({ track: camera.getVideoTracks()[0], encodings });
};
