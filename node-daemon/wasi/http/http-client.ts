/**
 * The requests of one instance, as far as they have something in common: those that are not over, connections that rest until
 * the next, and what TLS remembers.
 *
 *   request ─▶ a resting connection to the same place, where the allow list has its address ─▶ in use ─▶ rests again, or closed
 *           └▶ otherwise a new one: the name is resolved, the address checked, a socket taken ───┘
 *
 * - A connection belongs to the instance that opened it. What a server knows of it (who has logged in on it, what was asked
 *   before) is nobody else's, and another instance's capabilities are other ones.
 * - Names are resolved for new connections only. So that who moves a name is followed, none is used for longer than
 *   `httpConnectionMsMax`.
 * - What rests is bounded: for the instance here, for all of a process by `spare` of its socket.
 */
import type { Pay } from "../file-system/payer.ts";
import type { ComponentHost } from "../host.ts";
import { limits } from "../limits.ts";
import { connectTo, type Target, targetKey } from "./client-connect.ts";
import type { HttpErrorCode } from "./error-code.ts";
import { HttpConnection } from "./http-connection.ts";
import { TlsMemory } from "./tls-memory.ts";

export type ConnectionOutcome =
  | { readonly kind: "connected"; readonly connection: HttpConnection }
  | { readonly kind: "failed"; readonly code: HttpErrorCode };

export class HttpClient {
  readonly host: ComponentHost;
  /** Those that are not over, which are closed with the instance. */
  readonly calls = new Set<{ close(): void }>();
  readonly #tls = new TlsMemory();
  /** The one that was used last is the last. */
  readonly #resting = new Set<HttpConnection>();
  #closed = false;

  constructor(host: ComponentHost) {
    this.host = host;
    host.onEnd(() => this.close());
  }

  /** One that has rested only with `reuse`. Rejects with the signal's reason. */
  async connectionTo(
    target: Target,
    { reuse, pay, signal }: { readonly reuse: boolean; readonly pay: Pay; readonly signal: AbortSignal },
  ): Promise<ConnectionOutcome> {
    const key = targetKey(target);
    const resting = reuse ? this.#takeResting(key) : undefined;
    if (resting) return { kind: "connected", connection: resting };
    const outcome = await connectTo(this.host.network, this.#tls, target, pay, signal);
    if (outcome.kind === "failed") return outcome;
    const openedMs = this.#nowMs;
    const connection = new HttpConnection(key, outcome.connection, {
      free: (self, restMsMax) =>
        this.#rest(self, Math.min(restMsMax, openedMs + limits.httpConnectionMsMax - this.#nowMs)),
      closed: (self) => this.#resting.delete(self),
    });
    return { kind: "connected", connection };
  }

  close(): void {
    this.#closed = true;
    for (const call of this.calls) call.close();
    for (const connection of this.#resting) connection.close();
    this.#tls.clear();
  }

  #takeResting(key: string): HttpConnection | undefined {
    const { network } = this.host;
    for (const connection of [...this.#resting].toReversed()) {
      if (connection.key !== key) continue;
      this.#resting.delete(connection);
      connection.wake();
      if (connection.usable && network.mayConnect(connection.remote)) return connection;
      connection.close();
    }
    return undefined;
  }

  #rest(connection: HttpConnection, msMax: number): boolean {
    if (this.#closed || msMax <= 0) return false;
    this.#resting.add(connection);
    connection.rest(this.host, Math.min(msMax, limits.httpRestMs));
    const [oldest] = this.#resting;
    if (this.#resting.size > limits.httpRestingMax) oldest?.close();
    return true;
  }

  get #nowMs(): number {
    return Number(this.host.clock.monotonicNs() / 1_000_000n);
  }
}
