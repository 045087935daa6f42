import type { CallEndpoint } from "../../../api/call-ticket.ts";
import type { KnownGateways } from "../../core/routes/route-status.ts";
import type { NodeGateway } from "../../nodes/node-port.ts";

/**
 * The gateways of nodes that are not lost, and two of them that routes show as theirs, one of all and one that has HTTPS: the same as
 * long as they are there.
 */
export class GatewayBook {
  readonly #gateways = new Map<string, NodeGateway>();
  #shown: string | undefined;
  #shownSecure: string | undefined;
  #isComplete = false;

  get(nodeName: string): NodeGateway | undefined {
    return this.#gateways.get(nodeName);
  }

  /** undefined: it has none any more. Answers whether it is another than before. */
  set(nodeName: string, gateway: NodeGateway | undefined): boolean {
    const before = this.#gateways.get(nodeName);
    if (gateway === undefined) this.#gateways.delete(nodeName);
    else this.#gateways.set(nodeName, gateway);
    return before?.address !== gateway?.address || before?.urls.join() !== gateway?.urls.join();
  }

  /** Where this node's gateway takes calls of functions. */
  callEndpoint(node: string): CallEndpoint | undefined {
    const url = this.#gateways.get(node)?.urls.find((one) => one.startsWith(callScheme));
    return url === undefined ? undefined : { node, address: url.slice(callScheme.length) };
  }

  callEndpoints(): readonly CallEndpoint[] {
    return [...this.#gateways.keys()].flatMap((node) => this.callEndpoint(node) ?? []);
  }

  /** All nodes have reported: if there is none now, there is none. */
  complete(): void {
    this.#isComplete = true;
  }

  known(): KnownGateways {
    this.#shown = this.#stillOrFirst(this.#shown, isPlain);
    this.#shownSecure = this.#stillOrFirst(this.#shownSecure, isSecure);
    if (this.#gateways.size === 0) return { kind: this.#isComplete ? "none" : "unknown" };
    return {
      kind: "present",
      url: this.#urlOf(this.#shown, isPlain),
      secureUrl: this.#urlOf(this.#shownSecure, isSecure),
    };
  }

  #urlOf(name: string | undefined, isWanted: (url: string) => boolean): string | undefined {
    return name === undefined ? undefined : this.#gateways.get(name)?.urls.find(isWanted);
  }

  /** All are looked through only when the one that was shown is gone. */
  #stillOrFirst(shown: string | undefined, isWanted: (url: string) => boolean): string | undefined {
    if (this.#urlOf(shown, isWanted) !== undefined) return shown;
    let first: string | undefined;
    for (const [name, { urls }] of this.#gateways)
      if (urls.some(isWanted) && (first === undefined || name < first)) first = name;
    return first;
  }
}

const callScheme = "grpcs://";

function isPlain(url: string): boolean {
  return url.startsWith("http:");
}

function isSecure(url: string): boolean {
  return url.startsWith("https:");
}
