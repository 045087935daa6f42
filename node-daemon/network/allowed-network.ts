import { isOfMachine, parseAddress } from "../../api/network.ts";
import type { NetworkConfig } from "../core/instance-config.ts";
import { type NetworkGrant, noNetworkGrant } from "../runtimes/runtime-driver.ts";

/** `--allow-listen [NAMESPACE=]ADDRESS:PORT[-PORT]`. */
export interface AllowedListen {
  /** Undefined: every namespace. */
  readonly namespace: string | undefined;
  /** `*`: any address of the machine. */
  readonly address: string;
  readonly fromPort: number;
  readonly toPort: number;
}

/** What `address` and `port` of a listener need; port 0 may become any of the ports that systems hand out. */
const handedOut = { fromPort: 32_768, toPort: 60_999 } as const;

export type NetworkVerdict =
  | { readonly kind: "granted"; readonly network: NetworkGrant }
  | { readonly kind: "refused"; readonly reason: string; readonly message: string };

/**
 * What the machine lets templates ask of its network. Listening takes something from the machine, and connecting to its own
 * addresses reaches what trusts whoever is on it (databases, agents, a cloud's metadata service): both need the
 * operator's word. Everything else is between the template and the guest.
 */
export class AllowedNetwork {
  readonly #listen: readonly AllowedListen[];
  readonly #loopback: readonly string[];

  /** `loopback`: namespaces whose instances may connect to the machine's own addresses; `*` is every one. */
  constructor(listen: readonly AllowedListen[], loopback: readonly string[]) {
    this.#listen = listen;
    this.#loopback = loopback;
  }

  judge({ allow, listeners }: NetworkConfig, namespace: string): NetworkVerdict {
    if (allow.length === 0 && listeners.length === 0) return { kind: "granted", network: noNetworkGrant };
    for (const { name, address, port } of listeners) {
      if (this.#mayListen(namespace, address, port)) continue;
      const wanted = `${address.includes(":") ? `[${address}]` : address}:${port}`;
      const message =
        `listener ${name}: this node does not let namespace ${namespace} listen at ${wanted}: ${this.#advice(namespace)}; ` +
        "start its daemon with --allow-listen [NAMESPACE=]ADDRESS:PORT[-PORT] to allow more";
      return { kind: "refused", reason: "ListenNotAllowed", message };
    }
    const own = allow.find(({ host }) => parseAddress(host) !== undefined && isOfMachine(host));
    if (own && !this.#loopback.some((one) => one === "*" || one === namespace)) {
      const message =
        `spec.network.allow has ${own.host}, an address of the node itself, which this node does not let namespace ${namespace} ` +
        "connect to; start its daemon with --allow-loopback NAMESPACE to allow it, or use another address";
      return { kind: "refused", reason: "ConnectNotAllowed", message };
    }
    return { kind: "granted", network: { allow, listeners } };
  }

  #mayListen(namespace: string, address: string, port: number): boolean {
    const { fromPort, toPort } = port === 0 ? handedOut : { fromPort: port, toPort: port };
    return this.#rulesOf(namespace).some(
      (rule) =>
        (rule.address === "*" || rule.address === address) &&
        rule.fromPort <= fromPort &&
        toPort <= rule.toPort,
    );
  }

  #rulesOf(namespace: string): readonly AllowedListen[] {
    return this.#listen.filter((rule) => rule.namespace === undefined || rule.namespace === namespace);
  }

  #advice(namespace: string): string {
    const rules = this.#rulesOf(namespace).map(
      ({ address, fromPort, toPort }) =>
        `${address.includes(":") ? `[${address}]` : address}:${fromPort === toPort ? fromPort : `${fromPort}-${toPort}`}`,
    );
    return rules.length === 0 ? "it allows no listening" : `it allows ${rules.join(", ")}`;
  }
}
