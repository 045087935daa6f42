import {
  listenPlaceText,
  type ListenRule,
  listenRulesOf,
  listenRuleText,
  mayListen,
} from "../../api/listen-rules.ts";
import { isOfMachine, parseAddress } from "../../api/network.ts";
import type { NetworkConfig } from "../core/instance-config.ts";
import { type NetworkGrant, noNetworkGrant } from "../runtimes/runtime-driver.ts";

export type NetworkVerdict =
  | { readonly kind: "granted"; readonly network: NetworkGrant }
  | { readonly kind: "refused"; readonly reason: string; readonly message: string };

/**
 * What the machine lets templates ask of its network. Listening takes something from the machine, and connecting to its own
 * addresses reaches what trusts whoever is on it (databases, agents, a cloud's metadata service): both need the
 * operator's word. Everything else is between the template and the guest.
 */
export class AllowedNetwork {
  readonly #listen: readonly ListenRule[];
  readonly #loopback: readonly string[];

  /** `loopback`: namespaces whose instances may connect to the machine's own addresses; `*` is every one. */
  constructor(listen: readonly ListenRule[], loopback: readonly string[]) {
    this.#listen = listen;
    this.#loopback = loopback;
  }

  judge({ allow, listeners }: NetworkConfig, namespace: string): NetworkVerdict {
    if (allow.length === 0 && listeners.length === 0) return { kind: "granted", network: noNetworkGrant };
    const rules = listenRulesOf(this.#listen, namespace);
    for (const listener of listeners) {
      if (mayListen(rules, listener)) continue;
      const message =
        `listener ${listener.name}: this node does not let namespace ${namespace} listen at ${listenPlaceText(listener)}: ${advice(rules)}; ` +
        "start its daemon with --allow-listen [NAMESPACE=]ADDRESS:PORT[-PORT] (--listen of wherry up) to allow more";
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
}

function advice(rules: readonly ListenRule[]): string {
  return rules.length === 0 ? "it allows no listening" : `it allows ${rules.map(listenRuleText).join(", ")}`;
}
