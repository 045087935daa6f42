import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { ApiObject } from "../../../api/object-meta.ts";
import { errorMessage } from "../../../kit/errors.ts";
import type { GatewayCertificate } from "../../nodes/node-port.ts";

export type CertificateOutcome =
  | { readonly kind: "usable"; readonly certificate: GatewayCertificate; readonly leaf: X509Certificate }
  /** `fault` says of the Secret why not; the name stands before it. */
  | { readonly kind: "faulty"; readonly fault: string };

const tlsType = "kubernetes.io/tls";

/** What a Secret has for gateways. Tried as a gateway would, so that none meets what it cannot use. */
export function readCertificate(
  namespace: string,
  name: string,
  secret: ApiObject | undefined,
): CertificateOutcome {
  if (secret === undefined) return { kind: "faulty", fault: `Secret ${name} does not exist` };
  if (secret["type"] !== tlsType)
    return {
      kind: "faulty",
      fault: `Secret ${name} has type ${JSON.stringify(secret["type"] ?? "Opaque")}, not ${tlsType}`,
    };
  // The schema of Secrets has accepted it.
  const data = (secret["data"] ?? {}) as Readonly<Record<string, string>>;
  const chainPem = Buffer.from(data["tls.crt"] ?? "", "base64");
  const keyPem = Buffer.from(data["tls.key"] ?? "", "base64");
  for (const [key, bytes] of [
    ["tls.crt", chainPem],
    ["tls.key", keyPem],
  ] as const)
    if (bytes.length === 0) return { kind: "faulty", fault: `Secret ${name} has no ${key}` };
  try {
    createSecureContext({ cert: chainPem, key: keyPem });
    const certificate = { name: `${namespace}/${name}`, chainPem, keyPem };
    return { kind: "usable", certificate, leaf: new X509Certificate(chainPem) };
  } catch (thrown) {
    const fault = `tls.crt and tls.key of Secret ${name} are no certificate and its key: ${errorMessage(thrown)}`;
    return { kind: "faulty", fault };
  }
}

/** As clients see it: only alternative names count (RFC 9525 6.3). `*`, which stands for no name, is asked of none. */
export function isFor(leaf: X509Certificate, hostname: string): boolean {
  if (hostname === "*") return true;
  // A wildcard is covered by the same one, which any name below it shows.
  const name = hostname.startsWith("*.") ? `wherry-${"x".repeat(16)}${hostname.slice(1)}` : hostname;
  return leaf.checkHost(name, { subject: "never", partialWildcards: false }) !== undefined;
}
