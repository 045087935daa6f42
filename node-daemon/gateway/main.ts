/** The gateway's program: puts what answers requests into the process. Nothing imports it. */
import { systemClock } from "../../kit/clock.ts";
import { systemRandom } from "../../kit/random.ts";
import { dialShim } from "../link/shim-requests.ts";
import { Gateway } from "./gateway.ts";
import { defaultGatewayOptions, type ExchangeClient } from "./ports.ts";
import { Acceptors } from "./process/acceptors.ts";
import { runGateway } from "./process/run.ts";

await runGateway((config, events, log) => {
  const parts = { clock: systemClock, random: systemRandom, log };
  const options = {
    ...defaultGatewayOptions,
    name: config.nodeName,
    debugHeaders: config.debugHeaders,
    trustForwarded: config.trustForwarded,
    httpsPort: config.listen.find(({ kind, port }) => kind === "https" && port !== 0)?.port,
  };
  const ports = { ...parts, dialShim: (folder: string) => dialShim(folder, parts), dialPeer: noPeer };
  const gateway = new Gateway(options, ports, events);
  const acceptors = new Acceptors((kind, socket) => {
    if (kind === "peer") socket.destroy();
    else gateway.accept(kind, socket);
  }, log);
  return {
    apply: (change) => {
      if (change.kind !== "identity") gateway.apply(change);
    },
    listen: acceptors.listen,
    finish: (graceMs) => {
      acceptors.close();
      return gateway.finish(graceMs);
    },
  };
}, process.argv.slice(2));

/** Until gateways speak to each other. */
function noPeer(): ExchangeClient {
  return {
    open: (_head, listener) => {
      queueMicrotask(() =>
        listener.fault({
          kind: "refused",
          reason: "broken",
          message: "no links to other nodes",
          retryAfterMs: 0,
        }),
      );
      return { write: () => true, end: () => {}, consumed: () => {}, cancel: () => {} };
    },
    close: () => {},
  };
}
