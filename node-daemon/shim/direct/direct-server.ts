/**
 * Takes HTTP requests for one instance in the process that hosts it: what a gateway does, with one route to one place
 * (docs/adr/0044-direct-connections-to-shims.md). All instances of the workload listen at the same address, and the kernel deals out
 * connections (SO_REUSEPORT).
 */
import { createServer, type Server } from "node:net";
import type { RuleEntry } from "../../../api/route-table.ts";
import { errorMessage } from "../../../kit/errors.ts";
import type { RequestFigures, WorkloadFigures } from "../../gateway/control.ts";
import { Gateway } from "../../gateway/gateway.ts";
import { defaultGatewayOptions } from "../../gateway/ports.ts";
import type { ListenerGrant } from "../../runtimes/runtime-driver.ts";
import type { DirectOptions, DirectParts, DirectPort } from "./direct-port.ts";
import { directLimits } from "./limits.ts";
import { LocalClient } from "./local-client.ts";

/** What the one route leads to. */
const workload = "direct";

export async function openDirectPort(options: DirectOptions, parts: DirectParts): Promise<DirectPort> {
  const gateway = gatewayOf(options, parts);
  const { connections, log } = parts;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    options.caused();
    if (!connections.add()) {
      socket.destroy();
      return;
    }
    socket.once("close", () => {
      options.caused();
      connections.remove();
    });
    gateway.accept("http", socket);
  });
  try {
    await listening(server, options.listener);
  } catch (thrown) {
    gateway.close();
    throw thrown;
  }
  server.on("error", (error) => log.error("accepting failed", { uid: options.uid, err: error.message }));
  return new OpenPort(server, gateway);
}

class OpenPort implements DirectPort {
  readonly #server: Server;
  readonly #gateway: Gateway;
  #last: RequestFigures | undefined;

  constructor(server: Server, gateway: Gateway) {
    this.#server = server;
    this.#gateway = gateway;
  }

  get requests(): RequestFigures | undefined {
    const [changed] = this.#gateway.figures();
    if (changed !== undefined) this.#last = requestsOf(changed);
    return this.#last;
  }

  async finish(): Promise<void> {
    // Behind a turn in which everything that waited at the socket was accepted: what still waits when it is closed is reset.
    await new Promise((resolve) => setImmediate(resolve));
    this.#server.close();
    await this.#gateway.finish(directLimits.finishMsMax);
  }

  close(): void {
    this.#server.close();
    this.#gateway.close();
  }
}

/** One route for whatever is asked, and one place for it. */
function gatewayOf(options: DirectOptions, { clock, random, log }: DirectParts): Gateway {
  const { uid, namespace, name, serving, accept, caused } = options;
  const bug = (thrown: unknown) => log.error("a request has met a bug", { uid, err: errorMessage(thrown) });
  const client = new LocalClient({ accept, told: caused, bug });
  const gateway = new Gateway(
    {
      ...defaultGatewayOptions,
      connectionsMax: directLimits.connectionsMax,
      connectionsPerClientMax: directLimits.connectionsPerClientMax,
      bufferBytesMax: directLimits.bufferBytesMax,
    },
    { clock, random, log, dialShim: () => client, dialPeer: () => client },
    // Nobody else can answer, and nobody asks for the end of it.
    { wake: () => {}, drained: () => {} },
  );
  gateway.apply({
    kind: "route",
    route: { uid: workload, namespace, name, createdMs: 0, hostnames: [], rules: [rule] },
  });
  gateway.apply({
    kind: "workload",
    workload: { uid: workload, namespace, kind: "", name, wakes: false, nodes: [] },
  });
  const { concurrency, timeoutMs, idleTimeoutMs, bodyBytesMax } = serving;
  const limits = { concurrency, timeoutMs, idleTimeoutMs, bodyBytesMax };
  const reach = { kind: "shim", folder: "" } as const;
  const endpoint = { uid, namespace, name, workload, templateHash: "", reach, ...limits, functions: false };
  gateway.apply({ kind: "endpoint", endpoint });
  return gateway;
}

const rule: RuleEntry = {
  matches: [{ path: { kind: "prefix", value: "/" }, headers: [] }],
  backends: [{ workload, name: workload, weight: 1 }],
  requestTimeoutMs: 0,
  attemptTimeoutMs: 0,
  retry: { attempts: 0, codes: [] },
};

function listening(server: Server, { address, port }: ListenerGrant): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const at = {
      host: address,
      port,
      ipv6Only: address.includes(":"),
      reusePort: true,
      backlog: directLimits.backlog,
    };
    server.listen(at, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Of the one workload that there is. */
function requestsOf({ uid: _uid, instances: _instances, ...requests }: WorkloadFigures): RequestFigures {
  return requests;
}
