// mediasoup as a forwarder: one producer and a consumer for each receiver, all on plain transports.
//
//     node mediasoup.js FOLDER SUITE KEY SOURCE SINK...
//
// FOLDER holds node_modules/mediasoup with its worker built; SUITE as mediasoup spells it, or "-"
// for plain RTP; KEY is the source's, base64; the rest are ports of this machine.  Prints, as JSON,
// the worker's pid, the port for the source and the key of what the first sink gets; ends with its
// input.
const path = require("node:path");

const HOST = "127.0.0.1";
const VIDEO = { kind: "video", mimeType: "video/H265", clockRate: 90000 };
const FEEDBACK = [{ type: "nack" }, { type: "nack", parameter: "pli" }];

async function main(folder, suite, key, ...ports) {
  const mediasoup = require(path.resolve(folder, "node_modules/mediasoup"));
  const worker = await mediasoup.createWorker({ logLevel: "warn", disableLiburing: true });
  worker.on("died", () => process.exit(1));
  const router = await worker.createRouter({ mediaCodecs: [VIDEO] });
  // a receiver that promised an estimate and never gave one would be probed with packets of its own
  const codecs = router.rtpCapabilities.codecs.map((codec) => ({ ...codec, rtcpFeedback: FEEDBACK }));
  const rtpCapabilities = { ...router.rtpCapabilities, codecs };
  const secret = suite === "-" ? {} : { enableSrtp: true, srtpCryptoSuite: suite };

  async function open(port, keyBase64) {
    const transport = await router.createPlainTransport({
      listenInfo: { protocol: "udp", ip: HOST }, comedia: false, ...secret,
    });
    const srtpParameters = keyBase64 && { cryptoSuite: suite, keyBase64 };
    await transport.connect({ ip: HOST, port: Number(port), ...(srtpParameters && { srtpParameters }) });
    return transport;
  }

  const source = await open(ports.shift(), suite === "-" ? undefined : key);
  const producer = await source.produce({
    kind: "video",
    rtpParameters: {
      codecs: [{ mimeType: VIDEO.mimeType, payloadType: 31, clockRate: 90000, rtcpFeedback: FEEDBACK }],
      encodings: [{ ssrc: 1 }],
    },
  });
  const keys = [];
  for (const port of ports) {
    const sink = await open(port, suite === "-" ? undefined : key);
    await sink.consume({ producerId: producer.id, rtpCapabilities });
    keys.push(sink.srtpParameters?.keyBase64 ?? null);
  }
  console.log(JSON.stringify({ pid: worker.pid, port: source.tuple.localPort, key: keys[0] }));
  process.stdin.resume().on("end", () => worker.close());
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
