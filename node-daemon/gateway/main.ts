/** The gateway's program: puts what answers requests into the process. Nothing imports it. */
import { systemClock } from "../../kit/clock.ts";
import { systemRandom } from "../../kit/random.ts";
import type { Teaching } from "./control.ts";
import { Gateway } from "./gateway.ts";
import { defaultGatewayOptions, type ExchangeClient } from "./ports.ts";
import { runGateway } from "./process/run.ts";

await runGateway((config, events, log) => {
  const options = {
    ...defaultGatewayOptions,
    name: config.nodeName,
    debugHeaders: config.debugHeaders,
    trustForwarded: config.trustForwarded,
  };
  const ports = { clock: systemClock, random: systemRandom, log, dialShim: nobody, dialPeer: nobody };
  const gateway = new Gateway(options, ports, events);
  return {
    apply: (change: Teaching) => {
      if (change.kind !== "identity") gateway.apply(change);
    },
    listen: async (kind, at) => {
      if (kind === "peer") throw new Error("not yet");
      return await gateway.listen({ scheme: kind, at });
    },
    finish: (graceMs) => gateway.drain(graceMs),
    figures: () => gateway.changedFigures(),
  };
}, process.argv.slice(2));

function nobody(): ExchangeClient {
  throw new Error("not yet");
}
