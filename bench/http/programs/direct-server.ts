/**
 * A shim's serving run with Node's own HTTP server before it, in one process, and no gateway. Several of these may listen at one port. Its
 * argument is a `DirectServer` as JSON; says "listening" once it does.
 */
import { createServer } from "node:http";
import { stackTraceLimit } from "../../../node-daemon/shim/trap.ts";
import { TestService } from "../../../node-daemon/shim/serving/test-service.ts";
import type { Serving } from "../../../node-daemon/runtimes/runtime-driver.ts";
import { HttpExchange } from "./http-exchange.ts";

export interface DirectServer {
  readonly port: number;
  /** As a driver has prepared it. */
  readonly file: string;
  readonly serving: Serving;
  readonly memoryBytesMax: number;
}

// As whoever has started this wrote it.
const { port, file, serving, memoryBytesMax } = JSON.parse(process.argv[2] ?? "") as DirectServer;
Error.stackTraceLimit = stackTraceLimit;
const service = new TestService(file, { serving, spec: { memoryBytesMax } });
await service.started;
const server = createServer({ optimizeEmptyRequests: true }, (request, response) =>
  service.take(new HttpExchange("one", request, response)),
);
server.listen({ port, host: "127.0.0.1", reusePort: true }, () => process.send?.("listening"));
process.once("disconnect", () => process.exit(0));
