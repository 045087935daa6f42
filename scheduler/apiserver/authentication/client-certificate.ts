/**
 * Who a TLS client certificate speaks for, as Kubernetes has it: the user is the common name, the groups are the
 * organizations. Whether the certificate is trusted, OpenSSL has said during the handshake; what is left to check is what
 * a handshake cannot promise for later requests: a connection outlives its certificate, and a resumed session brings the
 * certificate and the verdict of the first handshake along. So the validity is checked again for every request.
 */
import { constants } from "node:crypto";
import type { PeerCertificate, TLSSocket } from "node:tls";
import { authenticatedGroups, credentialIdKey, type User } from "./user.ts";

/** What of a TLSSocket is looked at. */
export type PeerSocket = Pick<TLSSocket, "authorized" | "getPeerCertificate"> & {
  /** Node's types say Error; it is a code such as CERT_HAS_EXPIRED. */
  readonly authorizationError?: Error | string | null;
};

export type CertificateOutcome =
  | { readonly kind: "user"; readonly user: User }
  /** There is no certificate, or it names nobody. */
  | { readonly kind: "none" }
  | { readonly kind: "refused"; readonly reason: string };

/** For the HTTPS server: asks every client for a certificate, and leaves it to us what to do without a good one. */
export function clientCertificateTls(ca: string | Buffer) {
  return {
    ca,
    requestCert: true,
    rejectUnauthorized: false,
    // With TLS 1.2 a client could otherwise change its certificate in mid-connection.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  } as const;
}

type Known =
  | Exclude<CertificateOutcome, { kind: "user" }>
  | {
      readonly kind: "user";
      readonly user: User;
      readonly notBeforeMs: number;
      readonly notAfterMs: number;
    };

/** Reads the certificate of each connection once. */
export class ClientCertificates {
  readonly #known = new WeakMap<PeerSocket, Known>();

  authenticate(socket: PeerSocket, nowMs: number): CertificateOutcome {
    let known = this.#known.get(socket);
    if (!known) this.#known.set(socket, (known = readPeer(socket)));
    if (known.kind !== "user") return known;
    // Negated, so that a time that cannot be read is none at which it is valid.
    if (!(nowMs <= known.notAfterMs))
      return { kind: "refused", reason: "the client certificate has expired" };
    if (!(nowMs >= known.notBeforeMs))
      return { kind: "refused", reason: "the client certificate is not valid yet" };
    return { kind: "user", user: known.user };
  }
}

/** Whether the client has shown a certificate, good or bad. */
export function hasCertificate(socket: PeerSocket): boolean {
  return peerCertificate(socket) !== undefined;
}

/** Without one, Node gives an empty object, or null when the connection is gone. */
function peerCertificate(socket: PeerSocket): PeerCertificate | undefined {
  const certificate: PeerCertificate | null = socket.getPeerCertificate();
  return certificate?.fingerprint256 ? certificate : undefined;
}

function readPeer(socket: PeerSocket): Known {
  const certificate = peerCertificate(socket);
  if (!certificate) return { kind: "none" };
  if (!socket.authorized) {
    const why = socket.authorizationError;
    const text = why instanceof Error ? why.message : (why ?? "not verified");
    return { kind: "refused", reason: `the client certificate is not trusted: ${text}` };
  }
  return certificateUser(certificate);
}

const clientAuth = "1.3.6.1.5.5.7.3.2";
const anyUsage = "2.5.29.37.0";
/** Kubernetes' own attribute for the uid of a user. */
const uidAttribute = "1.3.6.1.4.1.57683.2";

/** What a trusted certificate says. Without an extended key usage it is good for every use, as X.509 has it. */
export function certificateUser(certificate: PeerCertificate): Known {
  const usages = certificate.ext_key_usage;
  if (usages && !usages.includes(clientAuth) && !usages.includes(anyUsage))
    return { kind: "refused", reason: "the certificate is not for clients" };
  // The last of several is the one that counts, as in Go.
  const name = valuesOf(certificate, "CN").at(-1);
  if (!name) return { kind: "none" };
  const uids = valuesOf(certificate, uidAttribute);
  if (uids.length > 1 || uids[0] === "")
    return { kind: "refused", reason: "the client certificate must have one uid, or none" };
  const fingerprint = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  return {
    kind: "user",
    user: {
      name,
      uid: uids[0] ?? "",
      groups: authenticatedGroups(valuesOf(certificate, "O")),
      extra: { [credentialIdKey]: [`X509SHA256=${fingerprint}`] },
    },
    notBeforeMs: Date.parse(certificate.valid_from),
    notAfterMs: Date.parse(certificate.valid_to),
  };
}

function valuesOf(certificate: PeerCertificate, attribute: string): readonly string[] {
  // Node gives an array where an attribute is repeated, and every attribute that there is: its types know neither.
  const subject = certificate.subject as unknown as Readonly<Record<string, string | readonly string[]>>;
  return Object.hasOwn(subject, attribute) ? [subject[attribute] ?? []].flat() : [];
}
