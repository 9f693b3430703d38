// A room of mediasoup's: pages ask by POST, and hear of each other's pictures by an event stream.
//
//     node mediasoup.js FOLDER PORT ADDRESS...
//
// FOLDER holds node_modules/mediasoup with its worker built; a page that names its site is given
// the address in that place for its media.  All settings of the media are the library's own.
const http = require("node:http");
const path = require("node:path");

const CODECS = [
  { kind: "audio", mimeType: "audio/opus", clockRate: 48000, channels: 2 },
  { kind: "video", mimeType: "video/VP8", clockRate: 90000 },
];

async function room(mediasoup, addresses) {
  const worker = await mediasoup.createWorker({ disableLiburing: true });
  worker.on("died", () => process.exit(1));
  const router = await worker.createRouter({ mediaCodecs: CODECS });
  const transports = new Map();
  const consumers = new Map();
  const producers = []; // {id, site}
  const listeners = new Map(); // site -> response that stays open

  const tell = (response, producer) => response.write(`data: ${JSON.stringify(producer)}\n\n`);

  return {
    listen(site, response) {
      response.writeHead(200, { "content-type": "text/event-stream", "access-control-allow-origin": "*" });
      listeners.set(site, response);
      for (const producer of producers) if (producer.site !== site) tell(response, producer);
    },
    asked: {
      capabilities: async () => router.rtpCapabilities,
      async transport({ site }) {
        const listenInfos = [{ protocol: "udp", ip: addresses[site - 1] }];
        const transport = await router.createWebRtcTransport({ listenInfos });
        transports.set(transport.id, transport);
        const { id, iceParameters, iceCandidates, dtlsParameters } = transport;
        return { id, iceParameters, iceCandidates, dtlsParameters };
      },
      async connect({ id, dtlsParameters }) {
        await transports.get(id).connect({ dtlsParameters });
        return {};
      },
      async produce({ site, id, kind, rtpParameters }) {
        const made = await transports.get(id).produce({ kind, rtpParameters });
        const producer = { id: made.id, site };
        producers.push(producer);
        for (const [other, response] of listeners) if (other !== site) tell(response, producer);
        return producer;
      },
      async consume({ id, producerId, rtpCapabilities }) {
        const consumer = await transports.get(id).consume({ producerId, rtpCapabilities, paused: true });
        consumers.set(consumer.id, consumer);
        return { id: consumer.id, producerId, kind: consumer.kind, rtpParameters: consumer.rtpParameters };
      },
      async resume({ id }) {
        await consumers.get(id).resume();
        return {};
      },
    },
  };
}

async function main(folder, port, ...addresses) {
  const { asked, listen } = await room(require(path.resolve(folder, "node_modules/mediasoup")), addresses);
  const server = http.createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://room");
    if (pathname === "/news") return listen(Number(searchParams.get("site")), response);
    let body = "";
    for await (const piece of request) body += piece;
    try {
      const answer = await asked[pathname.slice(1)](JSON.parse(body || "{}"));
      response.writeHead(200, { "access-control-allow-origin": "*" }).end(JSON.stringify(answer));
    } catch (error) {
      console.error(pathname, error);
      response.writeHead(400, { "access-control-allow-origin": "*" }).end();
    }
  });
  server.listen(Number(port));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
