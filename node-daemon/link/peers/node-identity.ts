import { createSecureContext, type PeerCertificate, type SecureContext } from "node:tls";

/** With what a node shows other nodes who it is, and believes them. */
export interface NodeIdentity {
  /** The cluster's CA: whom it has signed for `system:node:NAME` is that node. */
  readonly caPem: string;
  /** Good for clients and for servers. */
  readonly certPem: string;
  readonly keyPem: string;
}

/** Of the protocol inside TLS: no other service of the cluster takes such a connection, or gives one. */
export const peerProtocol = "wherry-link";
export const peerTls = { minVersion: "TLSv1.3", ALPNProtocols: [peerProtocol] } as const;

const prefix = "system:node:";

/** Throws when the texts are no certificates, or do not belong together. */
export function secureContextOf({ caPem, certPem, keyPem }: NodeIdentity): SecureContext {
  return createSecureContext({ ca: caPem, cert: certPem, key: keyPem, minVersion: peerTls.minVersion });
}

export type NodeClaim =
  | { readonly kind: "node"; readonly name: string; readonly notAfterMs: number }
  | { readonly kind: "refused"; readonly why: string };

/** Whose certificate it is. That the cluster's CA has signed it, the handshake has shown. */
export function nodeOf(certificate: PeerCertificate, nowMs: number): NodeClaim {
  // Node gives an array where there are several, and no subject at all where there is no certificate.
  const subject = certificate.subject as { readonly CN?: string | readonly string[] } | undefined;
  const name = subject?.CN;
  if (typeof name !== "string" || !name.startsWith(prefix) || name.length === prefix.length) {
    return { kind: "refused", why: `its certificate is for ${JSON.stringify(name ?? "")}, which is no node` };
  }
  const notAfterMs = Date.parse(certificate.valid_to);
  // Negated, so that a time that cannot be read is none at which it is valid.
  if (!(nowMs <= notAfterMs)) return { kind: "refused", why: "its certificate has expired" };
  return { kind: "node", name: name.slice(prefix.length), notAfterMs };
}
