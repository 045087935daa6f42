/** What the requests of one instance have in common, as far as they are its own: open calls, and what TLS remembers. */
import { createSecureContext, type SecureContext } from "node:tls";
import type { ComponentHost } from "../host.ts";
import { limits } from "../limits.ts";

export class HttpClient {
  readonly host: ComponentHost;
  /** Those that are not over, which are closed with the instance. */
  readonly calls = new Set<{ close(): void }>();
  #secureContext: SecureContext | undefined;
  /** By host and port: who is known shakes hands at half the cost. */
  readonly #sessions = new Map<string, Buffer>();

  constructor(host: ComponentHost) {
    this.host = host;
    host.onEnd(() => this.close());
  }

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

  close(): void {
    for (const call of this.calls) call.close();
    this.#sessions.clear();
  }
}
