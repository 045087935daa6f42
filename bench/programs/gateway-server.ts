/**
 * A process of the bench for HTTP: `plain` is a plain Node server, `gateway FOLDER` a gateway before the shim in that folder, `echo FOLDER` what
 * answers there. Says its port and, when asked, the processor time that it has used.
 */
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
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
import { dialShim, RequestServer } from "../../node-daemon/link/shim-requests.ts";

const [kind = "", folder = ""] = process.argv.slice(2);
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
  const server = kind === "plain" ? plain() : before(folder);
  server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
}

function plain() {
  return createHttpServer((_request, response) => {
    response.writeHead(200, headers);
    response.end(hello);
  });
}

function before(shim: string) {
  const gateway = new Gateway(
    defaultGatewayOptions,
    {
      ...parts,
      dialShim: (at) => dialShim(at, parts),
      dialPeer: (node) => dialShim(node, parts),
    },
    { wake: () => {}, drained: () => {} },
  );
  gateway.apply({ kind: "workload", workload: workloadOf("w") });
  gateway.apply({
    kind: "endpoint",
    endpoint: endpointOf("i", "w", { concurrency: 1_000, reach: { kind: "shim", folder: shim } }),
  });
  gateway.apply({ kind: "route", route: routeOf("r", { rule: { backends: [backendOf("w")] } }) });
  return createServer({ noDelay: true, allowHalfOpen: true }, (socket) => gateway.accept("http", socket));
}
