/** What is counted of a gateway itself, beside what it counts for its workloads. */
export class GatewayCounts {
  /** TLS with clients that came to nothing. */
  handshakesFailed = 0;
  readonly #refusals = new Map<string, number>();

  /** A request, or a connection, that was brought to no workload. The reasons are words of ours: there are few. */
  refused(reason: string): void {
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
  }

  get refusals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#refusals);
  }
}
