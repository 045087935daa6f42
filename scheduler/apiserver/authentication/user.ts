/** Who a request comes from, as Kubernetes' `user.Info`. */
export interface User {
  readonly name: string;
  /** "" when whoever vouches for the user gives none. */
  readonly uid: string;
  /** With `system:authenticated`, which every authenticated user is in. */
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** May do everything, whatever the roles say: the way back in when they are wrong. As in Kubernetes. */
export const mastersGroup = "system:masters";
export const authenticatedGroup = "system:authenticated";
export const unauthenticatedGroup = "system:unauthenticated";
/** Whom Kubernetes takes requests without credentials for. Nobody is authenticated as it here; it can be impersonated. */
export const anonymousName = "system:anonymous";
/** The key in `extra` under which the credential is named by which a user was authenticated; never the credential. */
export const credentialIdKey = "authentication.kubernetes.io/credential-id";

/** The groups of a user who has been authenticated: those that the credential gives, and the one of everybody. */
export function authenticatedGroups(groups: readonly string[]): readonly string[] {
  const isMarked = groups.includes(authenticatedGroup) || groups.includes(unauthenticatedGroup);
  return isMarked ? groups : [...groups, authenticatedGroup];
}

/** The scheduler itself, when its controllers write. */
export const schedulerUser: User = {
  name: "system:wherry-scheduler",
  uid: "",
  groups: [mastersGroup, authenticatedGroup],
  extra: {},
};
