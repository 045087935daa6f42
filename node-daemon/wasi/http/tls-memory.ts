import { createSecureContext, type SecureContext } from "node:tls";
import { limits } from "../limits.ts";

/** What TLS remembers of the servers of one instance: who is known shakes hands at half the cost. */
export class TlsMemory {
  #secureContext: SecureContext | undefined;
  /** By host and port. */
  readonly #sessions = new Map<string, Buffer>();

  get secureContext(): SecureContext {
    return (this.#secureContext ??= createSecureContext({ minVersion: "TLSv1.2" }));
  }

  sessionOf(key: string): Buffer | undefined {
    return this.#sessions.get(key);
  }

  remember(key: string, session: Buffer): void {
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > limits.httpSessionsMax && oldest !== undefined) this.#sessions.delete(oldest);
  }

  clear(): void {
    this.#sessions.clear();
  }
}
