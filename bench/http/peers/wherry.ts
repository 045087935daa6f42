import { TestCluster } from "../../../test/support/cluster.ts";
import { freePort, untilAnswered, type Server } from "../server.ts";

interface Handler {
  readonly name: string;
  /** Below `examples/http`. */
  readonly module: string;
  readonly http: string;
}

const handlers: readonly Handler[] = [
  { name: "wasi-http, C component, instances reused", module: "hello.wasm", http: "{ handler: wasi-http }" },
  {
    name: "wasi-http, C component, a fresh instance per request",
    module: "hello.wasm",
    http: "{ handler: wasi-http, requestsPerInstance: 1 }",
  },
  { name: "WAGI, C, a fresh instance per request", module: "tally.wasm", http: "{ handler: wagi }" },
];

/** A cluster of one node each, with the gateway in front: scheduler, daemon, gateway and shim are processes as always. */
export const wherryHandlers: readonly Server[] = handlers.map((handler) => ({
  name: `Wherry, ${handler.name}`,
  async start() {
    const port = await freePort();
    const cluster = await TestCluster.start(["one"], { nodeArgs: ["--gateway-http", `127.0.0.1:${port}`] });
    const stop = () => cluster[Symbol.asyncDispose]();
    try {
      await cluster.apply(manifest(handler));
      const url = `http://127.0.0.1:${port}/`;
      await untilAnswered(url, () => cluster.isSchedulerRunning);
      // The scheduler takes no part in requests.
      return { url, pids: () => [cluster.nodePid("one"), ...cluster.shims("one")], stop };
    } catch (thrown) {
      await stop();
      throw thrown;
    }
  },
}));

/** A route without a host answers to every name, as the others do. */
function manifest({ module, http }: Handler): string {
  return `apiVersion: wherry.dev/v1alpha1
kind: WasmDeployment
metadata: { name: hello }
spec:
  replicas: 1
  template:
    metadata: { labels: { app: hello } }
    spec:
      module: { image: "file://examples/http/${module}" }
      http: ${http}
      resources: { limits: { memory: 256Mi } }
---
apiVersion: wherry.dev/v1alpha1
kind: WasmRoute
metadata: { name: hello }
spec: { rules: [{ backendRefs: [{ name: hello }] }] }
`;
}
