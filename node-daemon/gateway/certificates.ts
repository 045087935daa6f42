/** Certificates of TLS towards clients, by the name that they ask for. */
import { createSecureContext, type SecureContext } from "node:tls";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { GatewayCertificate } from "./control.ts";

interface Known {
  readonly certificate: GatewayCertificate;
  readonly context: SecureContext;
}

export class Certificates {
  readonly #log: Log;
  /** NAMESPACE/NAME of the certificate for a host; "" is a client that names none. */
  readonly #nameOf: (host: string) => string | undefined;
  readonly #known = new Map<string, Known>();

  constructor(nameOf: (host: string) => string | undefined, log: Log) {
    this.#nameOf = nameOf;
    this.#log = log;
  }

  /** One that cannot be used leaves the one before: better an old certificate than no answer. */
  put(certificate: GatewayCertificate): void {
    const { name, chainPem, keyPem } = certificate;
    try {
      const context = createSecureContext({ cert: chainPem, key: keyPem, minVersion: "TLSv1.2" });
      this.#known.set(name, { certificate, context });
    } catch (thrown) {
      this.#log.warn("a certificate cannot be used", { certificate: name, err: errorMessage(thrown) });
    }
  }

  remove(name: string): void {
    this.#known.delete(name);
  }

  /** Undefined: there is none for this name. */
  find(serverName: string): SecureContext | undefined {
    return this.#find(serverName.toLowerCase())?.context;
  }

  /** For clients that name nobody, as those that know an address only. */
  get fallback(): GatewayCertificate | undefined {
    return this.#find("")?.certificate;
  }

  #find(host: string): Known | undefined {
    const name = this.#nameOf(host);
    return name === undefined ? undefined : this.#known.get(name);
  }
}
