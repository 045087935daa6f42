/** The ways to shims, servers and nodes, each of which serves many instances and workloads. */
import { assertNever } from "../../kit/errors.ts";
import type { Endpoint } from "./control.ts";
import { ListenerClient } from "./listener-client.ts";
import type { ExchangeClient, GatewayPorts } from "./ports.ts";

interface SharedClient {
  readonly client: ExchangeClient;
  users: number;
}

export class SharedClients {
  readonly #clients = new Map<string, SharedClient>();

  /** To be released once. */
  use(key: string, dial: () => ExchangeClient): ExchangeClient {
    let shared = this.#clients.get(key);
    if (shared === undefined) {
      shared = { client: dial(), users: 0 };
      this.#clients.set(key, shared);
    }
    shared.users++;
    return shared.client;
  }

  release(key: string): void {
    const shared = this.#clients.get(key);
    if (shared === undefined || --shared.users > 0) return;
    this.#clients.delete(key);
    shared.client.close();
  }

  close(): void {
    for (const { client } of this.#clients.values()) client.close();
    this.#clients.clear();
  }
}

export function dialEndpoint({ reach }: Endpoint, ports: Pick<GatewayPorts, "dialShim">): ExchangeClient {
  switch (reach.kind) {
    case "shim":
      return ports.dialShim(reach.folder);
    case "listener":
      return new ListenerClient(reach.address, reach.port);
    default:
      return assertNever(reach, "way to an instance");
  }
}

export function keyOf({ uid, reach }: Endpoint): string {
  // The listener of an instance is its own, and so are its connections.
  return reach.kind === "shim" ? `shim ${reach.folder}` : `listener ${uid} ${reach.address} ${reach.port}`;
}
