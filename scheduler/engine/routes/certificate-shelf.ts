import type { Backend } from "../../backend/backend.ts";
import { configResources } from "../config-lookup.ts";
import type { CertificateFacts } from "../../core/routes/certificate-verdict.ts";
import { type CertificateOutcome, isFor, readCertificate } from "./certificates.ts";
import type { GatewayTable } from "./gateway-table.ts";

export interface CertificateShelfOptions {
  readonly backend: Pick<Backend, "get" | "unreadable">;
  readonly table: GatewayTable;
}

/** The certificates of Secrets that routes name, each read once, and those of them that gateways are to have. */
export class CertificateShelf {
  readonly #options: CertificateShelfOptions;
  /** By NAMESPACE/NAME; only of Secrets that some route names. */
  readonly #outcomes = new Map<string, CertificateOutcome>();

  constructor(options: CertificateShelfOptions) {
    this.#options = options;
  }

  /** When those expire that are of use, by NAMESPACE/NAME; by the wall clock. */
  *expiries(): Iterable<readonly [key: string, expiresMs: number]> {
    for (const [key, outcome] of this.#outcomes)
      if (outcome.kind === "usable") yield [key, outcome.leaf.validToDate.getTime()];
  }

  /** Why the Secret is of no use. */
  fault(namespace: string, name: string): string | undefined {
    const outcome = this.#outcome(`${namespace}/${name}`);
    return outcome.kind === "faulty" ? outcome.fault : undefined;
  }

  /** What a route with these hostnames has of it; undefined: it is of no use. */
  facts(namespace: string, name: string, hostnames: readonly string[]): CertificateFacts | undefined {
    const outcome = this.#outcome(`${namespace}/${name}`);
    if (outcome.kind !== "usable") return undefined;
    const { leaf } = outcome;
    return {
      secretName: name,
      uncovered: hostnames.filter((hostname) => !isFor(leaf, hostname)),
      validFromMs: leaf.validFromDate.getTime(),
      validToMs: leaf.validToDate.getTime(),
    };
  }

  /** Gateways are to have it, as it is now. */
  offer(key: string): void {
    const outcome = this.#outcome(key);
    if (outcome.kind === "usable") this.#options.table.putCertificate(outcome.certificate);
    else this.#options.table.deleteCertificate(key);
  }

  withdraw(key: string): void {
    this.#options.table.deleteCertificate(key);
  }

  /** The Secret is another, or no route names it any more. */
  forget(key: string): void {
    this.#outcomes.delete(key);
  }

  #outcome(key: string): CertificateOutcome {
    const known = this.#outcomes.get(key);
    if (known) return known;
    const [namespace = "", name = ""] = key.split("/");
    const { backend } = this.#options;
    const unreadable = backend.unreadable(configResources.Secret, namespace, name);
    const outcome: CertificateOutcome =
      unreadable === undefined
        ? readCertificate(namespace, name, backend.get(configResources.Secret, namespace, name))
        : { kind: "faulty", fault: `Secret ${name} cannot be read: ${unreadable}` };
    this.#outcomes.set(key, outcome);
    return outcome;
  }
}
