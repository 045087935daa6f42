import type { KnownGateways } from "../../core/routes/route-status.ts";
import type { NodeGateway } from "../../nodes/node-port.ts";

/** The gateways of nodes that are not lost, and one of them that routes show as theirs: the same as long as it is there. */
export class GatewayBook {
  readonly #gateways = new Map<string, NodeGateway>();
  #shown: string | undefined;
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

  /** All nodes have reported: if there is none now, there is none. */
  complete(): void {
    this.#isComplete = true;
  }

  known(): KnownGateways {
    if (this.#shown === undefined || !this.#gateways.has(this.#shown)) this.#shown = this.#first();
    const shown = this.#shown === undefined ? undefined : this.#gateways.get(this.#shown);
    if (shown) return { kind: "present", urls: shown.urls };
    return { kind: this.#isComplete ? "none" : "unknown" };
  }

  /** Of those that clients can reach, if there are any. */
  #first(): string | undefined {
    let first: string | undefined;
    for (const [name, { urls }] of this.#gateways)
      if (urls.length > 0 && (first === undefined || name < first)) first = name;
    return first ?? this.#gateways.keys().next().value;
  }
}
