/** `wasi:sockets/ip-name-lookup` of WASI 0.2. */
import { HostResource } from "../component-resources.ts";
import { err, ok, type Result } from "../component-values.ts";
import type { ComponentHost } from "../host.ts";
import type { SocketAddress, SocketError, SocketOutcome } from "../sockets/network.ts";
import { Wakers } from "../sockets/wakers.ts";
import { witAddress, type WitIpAddress } from "../sockets/wit-addresses.ts";
import { Pollable } from "./pollable.ts";

const wouldBlock = err<SocketError>("would-block");

export class ResolveAddressStream extends HostResource {
  readonly #host: ComponentHost;
  readonly #abort = new AbortController();
  readonly #wakers = new Wakers();
  #outcome: SocketOutcome<readonly SocketAddress[]> | undefined;
  #next = 0;

  constructor(host: ComponentHost, name: string) {
    super(host);
    this.#host = host;
    host.network.resolve(name, this.#abort.signal).then(
      (outcome) => {
        this.#outcome = outcome;
        this.#wakers.wakeAll();
      },
      (thrown: unknown) => {
        // Whoever dropped the stream does not wait for it.
        if (!this.#abort.signal.aborted) host.onBug?.(thrown);
      },
    );
  }

  resolveNextAddress(): Result<WitIpAddress | undefined, SocketError> {
    const outcome = this.#outcome;
    if (outcome === undefined) return wouldBlock;
    if (outcome.kind === "refused") return err(outcome.error);
    const next = outcome.value[this.#next++];
    return ok(next && witAddress(next.address));
  }

  subscribe(): Pollable {
    return new Pollable(this.#host, {
      kind: "event",
      onReady: (wake) => this.#wakers.watch(this.#outcome !== undefined || this.dropped, wake),
    });
  }

  protected override release(): void {
    this.#abort.abort();
    this.#wakers.wakeAll();
  }
}
