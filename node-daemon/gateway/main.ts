/** The gateway's program: puts what answers requests into the process. Nothing imports it. */
import { systemClock } from "../../kit/clock.ts";
import { systemRandom } from "../../kit/random.ts";
import { PeerDialer } from "../link/peers/peer-dialer.ts";
import { PeerListener } from "../link/peers/peer-listener.ts";
import { dialShim } from "../link/shim-requests.ts";
import { Gateway } from "./gateway.ts";
import { defaultGatewayOptions } from "./ports.ts";
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
  const dialer = new PeerDialer(parts);
  const ports = {
    ...parts,
    dialShim: (folder: string) => dialShim(folder, parts),
    dialPeer: (node: string, address: string) => dialer.dial(node, address),
  };
  const gateway = new Gateway(options, ports, events);
  const peers = new PeerListener((exchange) => gateway.answer(exchange), parts);
  const acceptors = new Acceptors((kind, socket) => {
    if (kind === "peer") peers.accept(socket);
    else gateway.accept(kind, socket);
  }, log);
  return {
    apply: (change) => {
      if (change.kind !== "identity") {
        gateway.apply(change);
        return;
      }
      dialer.replaceIdentity(change);
      peers.replaceIdentity(change);
    },
    listen: acceptors.listen,
    finish: async (graceMs) => {
      acceptors.close();
      await Promise.all([gateway.finish(graceMs), peers.finish(graceMs)]);
      dialer.close();
    },
  };
}, process.argv.slice(2));
