/**
 * Who sent a request. In Kubernetes' order: a good client certificate, then a token. A credential that is no good is
 * made up for by another that is; alone, it is refused, even where no credential is needed.
 */
import type { Clock } from "../../../kit/clock.ts";
import { ClientCertificates, type PeerSocket } from "./client-certificate.ts";
import { tokenLengthMax } from "../../../kit/jwt.ts";
import { apiAudiences, type ServiceAccountTokens, type TokenOutcome } from "./service-account-tokens.ts";
import { type StaticToken, StaticTokens } from "./static-tokens.ts";
import type { User } from "./user.ts";

export interface Credentials {
  /** The Authorization header. */
  readonly authorization: string | undefined;
  readonly socket: PeerSocket;
}

export type Authentication =
  | { readonly kind: "user"; readonly user: User }
  /** No credentials at all. */
  | { readonly kind: "anonymous" }
  /** `reason` is for the log; the client is told that it is Unauthorized, and no more. */
  | { readonly kind: "refused"; readonly reason: string };

export class Authenticator {
  readonly #certificates = new ClientCertificates();
  readonly #staticTokens: StaticTokens;
  readonly #serviceAccounts: ServiceAccountTokens;
  readonly #clock: Clock;

  constructor(staticTokens: readonly StaticToken[], serviceAccounts: ServiceAccountTokens, clock: Clock) {
    this.#staticTokens = new StaticTokens(staticTokens);
    this.#serviceAccounts = serviceAccounts;
    this.#clock = clock;
  }

  authenticate({ authorization, socket }: Credentials): Authentication {
    const certificate = this.#certificates.authenticate(socket, this.#clock.now());
    if (certificate.kind === "user") return certificate;
    const bearer = parseBearer(authorization);
    const token = bearer.kind === "token" ? this.verifyToken(bearer.token, apiAudiences) : bearer;
    if (token.kind === "user") return { kind: "user", user: token.user };
    const reasons = [certificate, token].flatMap((one) => {
      if (one.kind === "foreign") return [unknownToken];
      return one.kind === "refused" ? [one.reason] : [];
    });
    return reasons.length === 0 ? { kind: "anonymous" } : { kind: "refused", reason: reasons.join("; ") };
  }

  /** For whom a bearer token speaks, towards one of `audiences`. Tokens from files speak to the API alone. */
  verifyToken(token: string, audiences: readonly string[]): TokenOutcome {
    if (token.length > tokenLengthMax) return { kind: "foreign" };
    const user = this.#staticTokens.find(token);
    if (!user) return this.#serviceAccounts.verify(token, audiences);
    const common = apiAudiences.filter((audience) => audiences.includes(audience));
    return common.length === 0 ? { kind: "foreign" } : { kind: "user", user, audiences: common };
  }
}

/** Kubernetes' words for a token that nobody knows. */
export const unknownToken = "invalid bearer token";

type Bearer =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "none" }
  | { readonly kind: "refused"; readonly reason: string };

/** RFC 6750. Kubernetes takes a header of another scheme for none; here it is refused, as nothing good can come of it. */
function parseBearer(header: string | undefined): Bearer {
  if (header === undefined) return { kind: "none" };
  const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(header)?.[1];
  return token === undefined
    ? { kind: "refused", reason: "the Authorization header has no bearer token" }
    : { kind: "token", token };
}
