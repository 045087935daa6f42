/**
 * A process of the bench for HTTP: `plain` is a plain Node server, `gateway FOLDER` a gateway before the shim in that folder, `echo FOLDER` what
 * answers there. `there FOLDER` is the gateway of a node that has the shim, for other gateways, and `here FOLDER PORT` that of a node that has
 * nothing but the way to that port. Says its port and, when asked, the processor time that it has used.
 */
import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { systemClock } from "../../kit/clock.ts";
import { silentLog } from "../../kit/log.ts";
import { systemRandom } from "../../kit/random.ts";
import { Gateway } from "../../node-daemon/gateway/gateway.ts";
import { defaultGatewayOptions } from "../../node-daemon/gateway/ports.ts";
import {
  backendOf,
  endpointOf,
  routeOf,
  workloadOf,
} from "../../node-daemon/gateway/testing/test-gateway.ts";
import type { NodeIdentity } from "../../node-daemon/link/peers/node-identity.ts";
import { PeerDialer } from "../../node-daemon/link/peers/peer-dialer.ts";
import { PeerListener } from "../../node-daemon/link/peers/peer-listener.ts";
import { dialShim, RequestServer } from "../../node-daemon/link/shim-requests.ts";

const [kind = "", folder = "", peerPort = ""] = process.argv.slice(2);
const hello = Buffer.from("hello, world\n");
const headers = ["content-type", "text/plain", "content-length", String(hello.length)];
const parts = { clock: systemClock, log: silentLog, random: systemRandom };

process.once("SIGINT", () => process.exit(0));

process.on("message", (message) => {
  if (message === "cpu") process.send?.({ cpuUs: process.cpuUsage() });
});

if (kind === "echo") {
  const server = new RequestServer((exchange) => {
    exchange.listen({ data: () => {}, end: () => {}, cancelled: () => {}, drain: () => {} });
    exchange.respond({ status: 200, headers });
    exchange.write(hello);
    exchange.end({ trailers: [] });
  }, parts);
  await server.listen(folder);
  process.send?.({ port: 0 });
} else {
  const server = kind === "plain" ? plain() : gateway();
  server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
}

function plain() {
  return createHttpServer((_request, response) => {
    response.writeHead(200, headers);
    response.end(hello);
  });
}

function gateway() {
  const dialer = new PeerDialer(parts);
  const gateway = new Gateway(
    defaultGatewayOptions,
    {
      ...parts,
      dialShim: (at) => dialShim(at, parts),
      dialPeer: (node, address) => dialer.dial(node, address),
    },
    { wake: () => {}, drained: () => {} },
  );
  gateway.apply({ kind: "route", route: routeOf("r", { rule: { backends: [backendOf("w")] } }) });
  if (kind === "here") {
    dialer.replaceIdentity(identity());
    const ready = [{ templateHash: "t", count: 1 }];
    const nodes = [{ name: "there", address: `127.0.0.1:${peerPort}`, ready }];
    gateway.apply({ kind: "workload", workload: workloadOf("w", { nodes }) });
  } else {
    const reach = { kind: "shim", folder } as const;
    gateway.apply({ kind: "workload", workload: workloadOf("w") });
    gateway.apply({ kind: "endpoint", endpoint: endpointOf("i", "w", { concurrency: 1_000, reach }) });
  }
  if (kind === "there") return peerServer(gateway);
  return createServer({ noDelay: true, allowHalfOpen: true }, (socket) => gateway.accept("http", socket));
}

function peerServer(gateway: Gateway) {
  const listener = new PeerListener((exchange) => gateway.answer(exchange), parts);
  listener.replaceIdentity(identity());
  return createServer({ noDelay: true, allowHalfOpen: true }, (socket) => listener.accept(socket));
}

/** As whoever has started this wrote it. */
function identity(): NodeIdentity {
  return JSON.parse(readFileSync(join(folder, `${kind}.json`), "utf8")) as NodeIdentity;
}
