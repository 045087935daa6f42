/**
 * JSON Web Tokens in the one form that is issued here: compact, signed with ES256. There is no choice of algorithm: what
 * a token's header says about it can only make it refused. https://www.rfc-editor.org/rfc/rfc7519
 */
import { type KeyObject, sign, verify } from "node:crypto";

export type JwtClaims = Readonly<Record<string, unknown>>;

/** P-256, the curve of ES256. */
export interface JwtKey {
  readonly id: string;
  readonly publicKey: KeyObject;
  /** undefined: it verifies, and does not sign. */
  readonly privateKey?: KeyObject | undefined;
}

/** A quarter of what a client may send in headers. */
export const tokenLengthMax = 16 * 1024;

const algorithm = "ES256";
const signatureBytes = 64;

/** `type`: what kind of token it is, where keys sign several (RFC 8725 3.11). */
export function signJwt(key: JwtKey, claims: object, type?: string): string {
  if (!key.privateKey) throw new TypeError(`key ${key.id} has no private part`);
  const signed = `${encode({ alg: algorithm, kid: key.id, ...(type === undefined ? {} : { typ: type }) })}.${encode(claims)}`;
  const signature = sign("sha256", Buffer.from(signed), {
    key: key.privateKey,
    dsaEncoding: "ieee-p1363",
  });
  return `${signed}.${signature.toString("base64url")}`;
}

/** `foreign`: nothing of ours, some other authenticator's perhaps. `forged`: ours by its name, but not by its signature. */
export type JwtOutcome =
  | { readonly kind: "valid"; readonly claims: JwtClaims }
  | { readonly kind: "foreign" }
  | { readonly kind: "forged"; readonly reason: string };

/** Nothing but the header is read before the signature is found good. Times and names in the claims are not looked at. */
export function verifyJwt(keys: readonly JwtKey[], token: string, type?: string): JwtOutcome {
  if (token.length > tokenLengthMax) return { kind: "foreign" };
  const match = /^([\w-]+)\.([\w-]+)\.([\w-]*)$/.exec(token);
  const header = decode(match?.[1] ?? "");
  if (!match || !header) return { kind: "foreign" };
  if (header["alg"] !== algorithm) return { kind: "forged", reason: "the token is not signed with ES256" };
  if (type !== undefined && header["typ"] !== type)
    return { kind: "forged", reason: `the token is not of the type ${type}` };
  // RFC 7515: extensions that must be understood, and of which none is.
  if (Object.hasOwn(header, "crit")) return { kind: "forged", reason: "the token demands extensions" };
  const id = Object.hasOwn(header, "kid") ? header["kid"] : undefined;
  const candidates = keys.filter((key) => id === undefined || id === "" || key.id === id);
  if (candidates.length === 0) return { kind: "forged", reason: "invalid signature, no keys found" };
  const signature = Buffer.from(match[3] ?? "", "base64url");
  const signed = Buffer.from(`${match[1]}.${match[2]}`);
  const isGood =
    signature.length === signatureBytes && candidates.some((key) => isSignedBy(key, signed, signature));
  if (!isGood) return { kind: "forged", reason: "the token's signature is wrong" };
  const claims = decode(match[2] ?? "");
  return claims ? { kind: "valid", claims } : { kind: "forged", reason: "the token has no claims" };
}

function isSignedBy({ publicKey }: JwtKey, signed: Buffer, signature: Buffer): boolean {
  return verify("sha256", signed, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature);
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(part: string): JwtClaims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return value as JwtClaims;
  } catch {
    return undefined;
  }
}
