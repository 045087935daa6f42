/** The gateway's program: puts what answers requests into the process. Nothing imports it. */
import { systemClock } from "../../kit/clock.ts";
import { systemRandom } from "../../kit/random.ts";
import { openTracer } from "../../kit/tracing/open-tracer.ts";
import { PeerDialer } from "../link/peers/peer-dialer.ts";
import { PeerListener } from "../link/peers/peer-listener.ts";
import { dialShim } from "../link/shim-requests.ts";
import { FunctionServer } from "./functions/function-server.ts";
import { Gateway } from "./gateway.ts";
import { defaultGatewayOptions } from "./ports.ts";
import { Acceptors } from "./process/acceptors.ts";
import { AccessLogFile } from "./process/access-log-file.ts";
import { runGateway } from "./process/run.ts";

await runGateway((config, events, log) => {
  const parts = { clock: systemClock, random: systemRandom, log };
  const accessLog = config.accessLog === undefined ? undefined : new AccessLogFile(config.accessLog, parts);
  const dialer = new PeerDialer(parts);
  const { tracing, nodeName } = config;
  const packagesFrom = tracing?.packagesFrom ?? "";
  const names = { service: "wherry-gateway", instance: nodeName };
  const tracer = openTracer(tracing, { ...names, packagesFrom, clock: systemClock }, log);
  const gateway = new Gateway(
    {
      ...defaultGatewayOptions,
      name: nodeName,
      debugHeaders: config.debugHeaders,
      trustForwarded: config.trustForwarded,
      connectionsPerClientMax: config.connectionsPerClientMax,
      httpsPort: config.listen.find(({ kind, port }) => kind === "https" && port !== 0)?.port,
      traceSampleRatio: tracing?.sampleRatio ?? 0,
    },
    {
      ...parts,
      tracer,
      dialShim: (folder) => dialShim(folder, parts),
      dialPeer: (node, address) => dialer.dial(node, address),
      ...(accessLog && { accessLog: (line: string) => accessLog.write(line) }),
    },
    events,
  );
  const peers = new PeerListener((exchange) => gateway.answer(exchange), parts);
  const functions = new FunctionServer({
    ...parts,
    connectionsPerClientMax: config.connectionsPerClientMax,
    call: (call, done) => gateway.call(call, done),
  });
  const acceptors = new Acceptors((kind, socket) => {
    if (kind === "peer") peers.accept(socket);
    else if (kind === "functions") functions.accept(socket);
    else gateway.accept(kind, socket);
  }, log);
  return {
    apply: (change) => {
      if (change.kind === "ticketKey") functions.addKey(change.pem);
      else if (change.kind === "ticketKeyGone") functions.removeKey(change.pem);
      else if (change.kind === "identity") {
        dialer.replaceIdentity(change);
        peers.replaceIdentity(change);
        functions.replaceIdentity(change);
      } else gateway.apply(change);
    },
    figures: () => gateway.figures(),
    counts: () => ({
      ...gateway.counts(),
      traceSpans: tracer.figures,
      connections: { ...acceptors.connections },
      accepted: { ...acceptors.accepted },
    }),
    listen: acceptors.listen,
    finish: async (graceMs) => {
      acceptors.close();
      await Promise.all([gateway.finish(graceMs), peers.finish(graceMs), functions.finish(graceMs)]);
      dialer.close();
      await accessLog?.close();
      await tracer[Symbol.asyncDispose]();
    },
  };
}, process.argv.slice(2));
