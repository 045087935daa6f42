import { authenticatedGroup, type User } from "./user.ts";

const namePrefix = "system:serviceaccount:";
const groupOfAll = "system:serviceaccounts";

export function serviceAccountName(namespace: string, name: string): string {
  return `${namePrefix}${namespace}:${name}`;
}

/** Without `system:authenticated`. */
export function serviceAccountGroups(namespace: string): readonly string[] {
  return [groupOfAll, `${groupOfAll}:${namespace}`];
}

export function serviceAccountUser(
  account: { readonly namespace: string; readonly name: string; readonly uid: string },
  extra: User["extra"],
): User {
  return {
    name: serviceAccountName(account.namespace, account.name),
    uid: account.uid,
    groups: [...serviceAccountGroups(account.namespace), authenticatedGroup],
    extra,
  };
}

const namespacePattern = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const subdomainPattern = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const subdomainLengthMax = 253;

/** The ServiceAccount behind a user's name; undefined when the name is none's. */
export function parseServiceAccountName(
  user: string,
): { readonly namespace: string; readonly name: string } | undefined {
  if (!user.startsWith(namePrefix)) return undefined;
  const [namespace = "", name = "", ...more] = user.slice(namePrefix.length).split(":");
  if (more.length > 0 || !namespacePattern.test(namespace)) return undefined;
  if (name.length > subdomainLengthMax || !subdomainPattern.test(name)) return undefined;
  return { namespace, name };
}
