/**
 * The bearer tokens of ServiceAccounts: issued for an account, an audience and a time, as Kubernetes' bound tokens are, and
 * good only as long as that very account (and the Secret it was bound to) exists. Nothing is stored for a token.
 */
import { createHash } from "node:crypto";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Clock } from "../../../kit/clock.ts";
import { Bug } from "../../../kit/errors.ts";
import type { Random } from "../../../kit/random.ts";
import { isObject, type JsonObject } from "../resource.ts";
import { signJwt, verifyJwt } from "../../../kit/jwt.ts";
import type { ServiceAccountKey } from "./service-account-keys.ts";
import { serviceAccountName, serviceAccountUser } from "./service-account-user.ts";
import { credentialIdKey, type User } from "./user.ts";

/** Who issues tokens, and whom they are for when nothing else is asked: the address of the API inside any cluster. */
export const tokenIssuer = "https://kubernetes.default.svc";
export const apiAudiences: readonly string[] = [tokenIssuer];

/** Clocks differ: a token is taken this long before and after its time. As Kubernetes' library. */
const leewayMs = 60_000;
/** Tokens whose signature was checked; the oldest go. Checking one costs about 0.1 ms. */
const knownTokensMax = 1_024;

export interface ServiceAccountTokenOptions {
  /** The first signs, all verify. */
  readonly keys: readonly ServiceAccountKey[];
  readonly findServiceAccount: (namespace: string, name: string) => ApiObject | undefined;
  readonly findSecret: (namespace: string, name: string) => ApiObject | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

export interface TokenClaims {
  readonly account: ObjectRef & { readonly namespace: string };
  readonly audiences: readonly string[];
  readonly issuedAtMs: number;
  readonly expirationSeconds: number;
  readonly secret: ObjectRef | undefined;
}

export interface ObjectRef {
  readonly name: string;
  readonly uid: string;
}

export type TokenOutcome =
  | { readonly kind: "user"; readonly user: User; readonly audiences: readonly string[] }
  /** Not a token of this kind. */
  | { readonly kind: "foreign" }
  | { readonly kind: "refused"; readonly reason: string };

export class ServiceAccountTokens {
  readonly options: ServiceAccountTokenOptions;
  /** By digest, so that no token is kept. */
  readonly #verified = new Map<string, JsonObject>();

  constructor(options: ServiceAccountTokenOptions) {
    this.options = options;
  }

  get canSign(): boolean {
    return this.options.keys[0]?.privateKey !== undefined;
  }

  sign(claims: TokenClaims): { readonly token: string; readonly id: string } {
    const [key] = this.options.keys;
    if (!key) throw new Bug("no key to sign tokens with");
    const { namespace, name, uid } = claims.account;
    const issuedAt = Math.floor(claims.issuedAtMs / 1000);
    const id = this.options.random.uuid();
    const token = signJwt(key, {
      aud: claims.audiences,
      exp: issuedAt + claims.expirationSeconds,
      iat: issuedAt,
      iss: tokenIssuer,
      jti: id,
      "kubernetes.io": {
        namespace,
        ...(claims.secret ? { secret: claims.secret } : {}),
        serviceaccount: { name, uid },
      },
      nbf: issuedAt,
      sub: serviceAccountName(namespace, name),
    });
    return { token, id };
  }

  /** For whom a token speaks towards one of `audiences`. */
  verify(token: string, audiences: readonly string[]): TokenOutcome {
    const digest = createHash("sha256").update(token).digest("base64");
    let claims = this.#verified.get(digest);
    if (!claims) {
      const outcome = verifyJwt(this.options.keys, token);
      if (outcome.kind === "foreign") return outcome;
      if (outcome.kind === "forged") return { kind: "refused", reason: outcome.reason };
      claims = outcome.claims;
      this.#remember(digest, claims);
    }
    return checkClaims(claims, audiences, this.options);
  }

  #remember(digest: string, claims: JsonObject): void {
    this.#verified.set(digest, claims);
    if (this.#verified.size <= knownTokensMax) return;
    // A Map gives its keys in the order they were set.
    const [oldest = ""] = this.#verified.keys();
    this.#verified.delete(oldest);
  }
}

type Lookup = Pick<ServiceAccountTokenOptions, "findServiceAccount" | "findSecret" | "clock">;

function checkClaims(claims: JsonObject, audiences: readonly string[], lookup: Lookup): TokenOutcome {
  if (claims["iss"] !== tokenIssuer) return { kind: "foreign" };
  const own = textsOf(claims["aud"]);
  const common = own.filter((audience) => audiences.includes(audience));
  if (common.length === 0)
    return refuse(`token audiences ${quoted(own)} is invalid for the target audiences ${quoted(audiences)}`);
  const nowMs = lookup.clock.now();
  const late = timeProblem(claims, nowMs);
  if (late !== undefined) return refuse(late);
  const bound = claims["kubernetes.io"];
  if (!isObject(bound)) return refuse("the token names no service account");
  const { namespace } = bound;
  const account = refOf(bound["serviceaccount"]);
  if (typeof namespace !== "string" || !account) return refuse("the token names no service account");
  const problem =
    accountProblem(lookup.findServiceAccount(namespace, account.name), { namespace, ...account }, nowMs) ??
    bindingProblem(bound, (name) => lookup.findSecret(namespace, name), nowMs);
  if (problem !== undefined) return refuse(problem);
  const id = claims["jti"];
  const extra = typeof id === "string" && id !== "" ? { [credentialIdKey]: [`JTI=${id}`] } : {};
  return { kind: "user", user: serviceAccountUser({ namespace, ...account }, extra), audiences: common };
}

function timeProblem(claims: JsonObject, nowMs: number): string | undefined {
  const { exp, nbf, iat } = claims;
  if (typeof exp !== "number" || nowMs - leewayMs > exp * 1000) return "service account token has expired";
  const starts = [nbf, iat].filter((time) => time !== undefined);
  const isEarly = starts.some((time) => typeof time !== "number" || nowMs + leewayMs < time * 1000);
  return isEarly ? "service account token is not valid yet" : undefined;
}

function accountProblem(
  object: ApiObject | undefined,
  { namespace, name, uid }: ObjectRef & { readonly namespace: string },
  nowMs: number,
): string | undefined {
  if (!object) return `serviceaccounts "${name}" not found`;
  if (isDeleted(object, nowMs)) return `service account ${namespace}/${name} has been deleted`;
  if (object.metadata.uid !== uid)
    return `service account UID (${object.metadata.uid}) does not match claim (${uid})`;
  return undefined;
}

const bindings = ["pod", "node", "secret"] as const;

/** Of the things that tokens can be bound to, only Secrets exist here. */
function bindingProblem(
  bound: JsonObject,
  findSecret: (name: string) => ApiObject | undefined,
  nowMs: number,
): string | undefined {
  const present = bindings.filter((key) => Object.hasOwn(bound, key));
  if (present.length === 0) return undefined;
  const invalidated = "service account token has been invalidated";
  const secret = refOf(bound["secret"]);
  if (present.length > 1 || !secret) return invalidated;
  const object = findSecret(secret.name);
  if (!object || isDeleted(object, nowMs)) return invalidated;
  return object.metadata.uid === secret.uid
    ? undefined
    : `secret UID (${object.metadata.uid}) does not match service account secret ref claim (${secret.uid})`;
}

/** An account that is on its way out speaks for nobody any more, with the leeway of every other time. */
function isDeleted({ metadata }: ApiObject, nowMs: number): boolean {
  return (
    metadata.deletionTimestamp !== undefined && Date.parse(metadata.deletionTimestamp) < nowMs - leewayMs
  );
}

function refOf(value: unknown): ObjectRef | undefined {
  if (!isObject(value)) return undefined;
  const { name, uid } = value;
  return typeof name === "string" && typeof uid === "string" && uid !== "" ? { name, uid } : undefined;
}

function textsOf(value: unknown): readonly string[] {
  return [value].flat().filter((one) => typeof one === "string");
}

function quoted(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(" ")}]`;
}

function refuse(reason: string): TokenOutcome {
  return { kind: "refused", reason };
}
