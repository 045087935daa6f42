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

/** The scheduler itself, when its controllers write. */
export const schedulerUser: User = {
  name: "system:wherry-scheduler",
  uid: "",
  groups: [mastersGroup, authenticatedGroup],
  extra: {},
};
