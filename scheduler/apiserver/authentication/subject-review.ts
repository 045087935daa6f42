/** The reviews of authentication.k8s.io/v1 that tell who somebody is. */
import { assertNever } from "../../../kit/errors.ts";
import { toTimestamp } from "../../../kit/timestamps.ts";
import { isObject } from "../resource.ts";
import { badRequest } from "../status.ts";
import { type Authenticator, unknownToken } from "./authenticator.ts";
import { apiAudiences } from "./service-account-tokens.ts";
import type { User } from "./user.ts";

const apiVersion = "authentication.k8s.io/v1";

/** authentication.k8s.io/v1 UserInfo: what is empty is left out. */
export interface UserInfo {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: User["extra"];
}

export function userInfo({ name, uid, groups, extra }: User): UserInfo {
  return {
    ...(name === "" ? {} : { username: name }),
    ...(uid === "" ? {} : { uid }),
    ...(groups.length === 0 ? {} : { groups }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** The answer to a SelfSubjectReview, `kubectl auth whoami`. */
export function selfSubjectReview(user: User, nowMs: number): object {
  return {
    kind: "SelfSubjectReview",
    apiVersion,
    metadata: { creationTimestamp: toTimestamp(nowMs) },
    status: { userInfo: userInfo(user) },
  };
}

/** The answer to a TokenReview: whether a token is good, for whom it speaks and to whom. */
export function tokenReview(authenticator: Authenticator, body: unknown): object {
  const { token, audiences } = readSpec(body);
  const asked = audiences.length === 0 ? apiAudiences : audiences;
  const outcome = authenticator.verifyToken(token, asked);
  const review = (status: object) => ({
    kind: "TokenReview",
    apiVersion,
    metadata: {},
    spec: { token, ...(audiences.length === 0 ? {} : { audiences }) },
    status,
  });
  switch (outcome.kind) {
    case "user":
      return review({ authenticated: true, user: userInfo(outcome.user), audiences: outcome.audiences });
    case "foreign":
      return review({ user: {}, error: unknownToken });
    case "refused":
      return review({ user: {}, error: `[${unknownToken}, ${outcome.reason}]` });
    default:
      return assertNever(outcome, "outcome of a token");
  }
}

const audiencesMax = 100;

function readSpec(body: unknown): { readonly token: string; readonly audiences: readonly string[] } {
  const spec = isObject(body) && isObject(body["spec"]) ? body["spec"] : {};
  const { token = "", audiences = [] } = spec;
  if (typeof token !== "string") throw badRequest("TokenReview: spec.token must be a string");
  if (token === "") throw badRequest("token is required for TokenReview in authentication");
  return { token, audiences: readAudiences(audiences, "TokenReview") };
}

/** Throws BadRequest for anything but a list of strings. */
export function readAudiences(value: unknown, kind: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [undefined];
  const audiences = list.filter((one) => typeof one === "string");
  if (audiences.length !== list.length || list.length > audiencesMax)
    throw badRequest(`${kind}: spec.audiences must be a list of at most ${audiencesMax} strings`);
  return audiences;
}
