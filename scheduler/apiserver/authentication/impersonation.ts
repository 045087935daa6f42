/**
 * Acting as somebody else, by headers: Impersonate-User, -Group (repeated), -Uid and -Extra-KEY (repeated). Each of them
 * needs the permission to impersonate that very name.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
 */
import type { Authorizer, ResourceAttributes } from "../authorization/authorizer.ts";
import { forbiddenRequest } from "../authorization/forbidden.ts";
import { badRequest } from "../status.ts";
import { parseServiceAccountName, serviceAccountGroups } from "./service-account-user.ts";
import { anonymousName, authenticatedGroups, unauthenticatedGroup, type User } from "./user.ts";

/** What the headers ask for. */
interface Wanted {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  /** By key, in the order of the headers. */
  readonly extra: ReadonlyMap<string, readonly string[]>;
}

/**
 * The user as whom a request is served: `user` itself when no header asks for another. Throws Forbidden in Kubernetes'
 * words, or BadRequest for headers that make no sense. `rawHeaders` are Node's: names and values in turn. Node's other forms
 * lose what is needed here, since they join repeated headers with commas, which names may contain.
 */
export function impersonate(user: User, rawHeaders: readonly string[], authorizer: Authorizer): User {
  const wanted = readHeaders(rawHeaders);
  if (!wanted) return user;
  for (const attributes of permissions(user, wanted)) {
    const { allowed, reason } = authorizer.authorize(attributes);
    if (!allowed) throw forbiddenRequest(attributes, reason);
  }
  return {
    name: wanted.name,
    uid: wanted.uid,
    groups: groupsOf(wanted),
    extra: Object.fromEntries(wanted.extra),
  };
}

const prefix = "impersonate-";
const extraPrefix = "impersonate-extra-";

function readHeaders(rawHeaders: readonly string[]): Wanted | undefined {
  const headers: (readonly [string, string])[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? "").toLowerCase();
    if (name.startsWith(prefix)) headers.push([name, headerText(rawHeaders[i + 1] ?? "")]);
  }
  if (headers.length === 0) return undefined;
  const valuesOf = (name: string) => headers.filter(([one]) => one === name).map(([, value]) => value);
  const extra = new Map<string, string[]>();
  for (const [name, value] of headers) {
    if (!name.startsWith(extraPrefix)) continue;
    const key = unescapeKey(name.slice(extraPrefix.length));
    const values = extra.get(key);
    if (values) values.push(value);
    else extra.set(key, [value]);
  }
  // Of repeated names the first counts, as in Go.
  const [name = ""] = valuesOf("impersonate-user");
  const [uid = ""] = valuesOf("impersonate-uid");
  const groups = valuesOf("impersonate-group");
  if (name === "") {
    if (groups.length === 0 && extra.size === 0 && uid === "") return undefined;
    throw badRequest(`requested ${describe(uid, groups, extra)} without impersonating a user`);
  }
  return { name, uid, groups, extra };
}

/** One permission for each thing that is asked for, in Kubernetes' order. */
function permissions(user: User, wanted: Wanted): readonly ResourceAttributes[] {
  const base = { kind: "resource", user, verb: "impersonate", subresource: "", namespace: "" } as const;
  const core = { ...base, group: "", version: "v1" };
  const own = { ...base, group: "authentication.k8s.io", version: "v1" };
  const account = parseServiceAccountName(wanted.name);
  return [
    account
      ? { ...core, resource: "serviceaccounts", ...account }
      : { ...core, resource: "users", name: wanted.name },
    ...wanted.groups.map((name) => ({ ...core, resource: "groups", name })),
    ...[...wanted.extra].flatMap(([subresource, values]) =>
      values.map((name) => ({ ...own, resource: "userextras", subresource, name })),
    ),
    ...(wanted.uid === "" ? [] : [{ ...own, resource: "uids", name: wanted.uid }]),
  ];
}

/** Groups that are given are all there are, but for the one of everybody; those of a ServiceAccount follow from its name. */
function groupsOf({ name, groups }: Wanted): readonly string[] {
  const account = parseServiceAccountName(name);
  const given = account && groups.length === 0 ? serviceAccountGroups(account.namespace) : groups;
  if (name !== anonymousName) return authenticatedGroups(given);
  return given.includes(unauthenticatedGroup) ? given : [...given, unauthenticatedGroup];
}

/** Node reads headers as Latin-1; clients send UTF-8. */
function headerText(value: string): string {
  // oxlint-disable-next-line no-control-regex -- whatever is not ASCII
  if (/^[\x00-\x7f]*$/.test(value)) return value;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(value, "latin1"));
  } catch {
    throw badRequest("a header of impersonation is no valid UTF-8");
  }
}

/** Keys may be percent-encoded, since header names have few signs. What is badly encoded stands for itself. */
function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function describe(
  uid: string,
  groups: readonly string[],
  extra: ReadonlyMap<string, readonly string[]>,
): string {
  const parts = [
    ...groups.map((name) => `group ${JSON.stringify(name)}`),
    ...[...extra.keys()].map((key) => `extra ${JSON.stringify(key)}`),
    ...(uid === "" ? [] : [`uid ${JSON.stringify(uid)}`]),
  ];
  return `[${parts.join(", ")}]`;
}
