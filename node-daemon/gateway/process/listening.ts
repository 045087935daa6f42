/**
 * Where the process listens: sockets that it was started with, and those that it opens itself, which it tries until it has them.
 *
 *   wanted ─▶ inherited? ── yes ─▶ bound
 *               │ no                 ▲
 *               └─▶ the preferred port, then each of its range ── none: again, after a while
 */
import { backoffMs } from "../../../kit/backoff.ts";
import { type Clock, sleep } from "../../../kit/clock.ts";
import { errorCode, errorMessage } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import type { BoundAddress, InheritedSocket, ListenAddress, ListenerKind } from "../control.ts";
import { processLimits } from "./limits.ts";

export type ListenAt =
  | { readonly kind: "address"; readonly host: string; readonly port: number }
  | { readonly kind: "descriptor"; readonly fd: number };

/** As they are bound; `fd` is of the listening socket. Rejects with the system's error. */
export type Listen = (
  kind: ListenerKind,
  at: ListenAt,
) => Promise<{ readonly port: number; readonly fd: number }>;

export interface ListeningOptions {
  readonly wanted: readonly ListenAddress[];
  readonly inherited: readonly InheritedSocket[];
  readonly listen: Listen;
  readonly clock: Clock;
  readonly log: Log;
  /** Once all are bound. */
  readonly onListening: () => void;
  /** One cannot be had now. Repeated, ever more slowly. */
  readonly onTrouble: (message: string) => void;
}

export class Listening {
  readonly #options: ListeningOptions;
  readonly #stop = new AbortController();
  readonly #bound: InheritedSocket[] = [];
  #started = false;

  constructor(options: ListeningOptions) {
    this.#options = options;
  }

  get sockets(): readonly InheritedSocket[] {
    return this.#bound;
  }

  /** Empty until all are bound. */
  get addresses(): readonly BoundAddress[] {
    const all = this.#bound.length === this.#options.wanted.length;
    return all ? this.#bound.map(({ address }) => address) : [];
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    for (const wanted of this.#options.wanted) void this.#have(wanted);
    if (this.#options.wanted.length === 0) this.#options.onListening();
  }

  /** Tries no more; what is bound is whoever's accepts at it. */
  stop(): void {
    this.#stop.abort(new Error("the gateway goes"));
  }

  async #have(wanted: ListenAddress): Promise<void> {
    const { clock, log, onListening, onTrouble } = this.#options;
    const { signal } = this.#stop;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const outcome = await this.#try(wanted, attempt === 0);
      if (outcome.kind === "bound") {
        const { kind, host, port: wantedPort } = wanted;
        const { port, fd } = outcome;
        this.#bound.push({ address: { kind, host, wantedPort, port }, fd });
        log.info("listening", { for: kind, host, port, inherited: outcome.inherited });
        if (this.#bound.length === this.#options.wanted.length && !signal.aborted) onListening();
        return;
      }
      const where = wanted.portMax > wanted.port ? `${wanted.port}-${wanted.portMax}` : `${wanted.port}`;
      const message = `listen for ${wanted.kind} on ${wanted.host}:${where}: ${outcome.message}`;
      // The first, and then one a minute or so.
      if (attempt === 0 || attempt % 64 === 63)
        log.warn("an address cannot be had", { err: message, attempt });
      onTrouble(message);
      await sleep(clock, backoffMs(attempt, processLimits.listenRetry), signal).catch(() => {});
    }
  }

  async #try(
    wanted: ListenAddress,
    first: boolean,
  ): Promise<
    | { readonly kind: "bound"; readonly port: number; readonly fd: number; readonly inherited: boolean }
    | { readonly kind: "refused"; readonly message: string }
  > {
    const { listen, log, inherited } = this.#options;
    const given = inherited.find(
      ({ address: { kind, host, wantedPort } }) =>
        kind === wanted.kind && host === wanted.host && wantedPort === wanted.port,
    );
    if (given && first) {
      try {
        const { fd } = await listen(wanted.kind, { kind: "descriptor", fd: given.fd });
        return { kind: "bound", port: given.address.port, fd, inherited: true };
      } catch (thrown) {
        log.warn("a listening socket that was handed over cannot be used", { err: errorMessage(thrown) });
      }
    }
    let message = "";
    for (const port of portsOf(wanted)) {
      try {
        const bound = await listen(wanted.kind, { kind: "address", host: wanted.host, port });
        return { kind: "bound", ...bound, inherited: false };
      } catch (thrown) {
        message = errorMessage(thrown);
        if (errorCode(thrown) !== "EADDRINUSE" && errorCode(thrown) !== "EACCES") break;
      }
    }
    return { kind: "refused", message };
  }
}

/** Those that may be had, the best first. */
export function portsOf({ port, portMax, preferredPort }: ListenAddress): readonly number[] {
  const range = Array.from(
    { length: Math.min(Math.max(0, portMax - port) + 1, processLimits.portsMax) },
    (_, index) => port + index,
  );
  return preferredPort === 0 ? range : [preferredPort, ...range.filter((one) => one !== preferredPort)];
}
