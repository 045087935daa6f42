import { TestCluster } from "../../../test/support/cluster.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { httpWorkload } from "../workload.ts";
import { untilAnswered, type Server } from "../server.ts";

interface Handler {
  readonly name: string;
  /** Below `examples/http`. */
  readonly module: string;
  readonly http: Readonly<Record<string, unknown>>;
}

const handlers: readonly Handler[] = [
  { name: "wasi-http, C component, instances reused", module: "hello.wasm", http: { handler: "wasi-http" } },
  {
    name: "wasi-http, C component, a fresh instance per request",
    module: "hello.wasm",
    http: { handler: "wasi-http", requestsPerInstance: 1 },
  },
  { name: "WAGI, C, a fresh instance per request", module: "tally.wasm", http: { handler: "wagi" } },
];

/** A cluster of one node each, with the gateway in front: scheduler, daemon, gateway and shim are processes as always. */
export const wherryHandlers: readonly Server[] = handlers.map((handler) => ({
  name: `Wherry, ${handler.name}`,
  async start() {
    const port = await freePort();
    const cluster = await TestCluster.start(["one"], { nodeArgs: ["--gateway-http", `127.0.0.1:${port}`] });
    const stop = () => cluster[Symbol.asyncDispose]();
    try {
      // A route without a host answers to every name, as the others do.
      const image = `file://examples/http/${handler.module}`;
      await cluster.apply(httpWorkload({ name: "hello", image, http: handler.http }));
      const url = `http://127.0.0.1:${port}/`;
      await untilAnswered(url, () => cluster.isSchedulerRunning);
      // The scheduler takes no part in requests.
      const pids = () => [cluster.nodePid("one"), ...cluster.gateways("one"), ...cluster.shims("one")];
      return { url, pids, stop };
    } catch (thrown) {
      await stop();
      throw thrown;
    }
  },
}));
