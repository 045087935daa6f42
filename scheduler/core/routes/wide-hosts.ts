/**
 * Hostnames that stand for more than one tenant is likely to own: `*`, also of a route without hostnames, and `*.com`. They are for
 * namespaces of which an administrator has said so, by a flag or by a label on the namespace, which its tenants cannot write.
 */

export const wideHostsLabel = "wherry.dev/wide-hosts";

/** `*`, or with fewer than two labels after it. */
export function isWideHost(hostname: string): boolean {
  return hostname === "*" || (hostname.startsWith("*.") && !hostname.slice(2).includes("."));
}

export class WideHosts {
  readonly #isForAll: boolean;
  readonly #named: ReadonlySet<string>;
  readonly #labelled = new Set<string>();

  /** `named`: namespaces that may name them without a label; `*`: all. */
  constructor(named: readonly string[]) {
    this.#named = new Set(named);
    this.#isForAll = this.#named.has("*");
  }

  mayName(namespace: string): boolean {
    return this.#isForAll || this.#named.has(namespace) || this.#labelled.has(namespace);
  }

  /** `labels` undefined: it is gone. Answers whether it may now and could not before, or the other way round. */
  namespaceChanged(namespace: string, labels: Readonly<Record<string, string>> | undefined): boolean {
    const before = this.mayName(namespace);
    if (labels?.[wideHostsLabel] === "true") this.#labelled.add(namespace);
    else this.#labelled.delete(namespace);
    return this.mayName(namespace) !== before;
  }
}
