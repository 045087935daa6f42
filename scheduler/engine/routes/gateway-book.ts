import type { CallEndpoint } from "../../../api/call-ticket.ts";
import type { KnownGateways } from "../../core/routes/route-status.ts";
import type { NodeGateway } from "../../nodes/node-port.ts";

/**
 * The gateways of nodes that are not lost, and of each scheme one of them that routes show as theirs: the first that came, as long as it
 * is there. All are looked through only when that one is gone.
 */
export class GatewayBook {
  readonly #gateways = new Map<string, NodeGateway>();
  readonly #shown: Record<"http" | "https", string | undefined> = { http: undefined, https: undefined };
  #isComplete = false;

  get(nodeName: string): NodeGateway | undefined {
    return this.#gateways.get(nodeName);
  }

  /** undefined: it has none any more. Answers whether it is another than before. */
  set(nodeName: string, gateway: NodeGateway | undefined): boolean {
    const before = this.#gateways.get(nodeName);
    if (before?.address === gateway?.address && before?.urls.join() === gateway?.urls.join()) return false;
    if (gateway === undefined) this.#gateways.delete(nodeName);
    else this.#gateways.set(nodeName, gateway);
    for (const scheme of ["http", "https"] as const) {
      const shown = this.#shown[scheme];
      if (urlOf(gateway, scheme) !== undefined) this.#shown[scheme] ??= nodeName;
      else if (shown === nodeName) this.#shown[scheme] = this.#firstWith(scheme);
    }
    return true;
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
    if (this.#gateways.size === 0) return { kind: this.#isComplete ? "none" : "unknown" };
    return { kind: "present", url: this.#shownUrl("http"), secureUrl: this.#shownUrl("https") };
  }

  #shownUrl(scheme: "http" | "https"): string | undefined {
    return urlOf(this.#gateways.get(this.#shown[scheme] ?? ""), scheme);
  }

  #firstWith(scheme: "http" | "https"): string | undefined {
    for (const [name, gateway] of this.#gateways) if (urlOf(gateway, scheme) !== undefined) return name;
    return undefined;
  }
}

const callScheme = "grpcs://";

function urlOf(gateway: NodeGateway | undefined, scheme: "http" | "https"): string | undefined {
  return gateway?.urls.find((url) => url.startsWith(`${scheme}://`));
}
