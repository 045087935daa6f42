import type { User } from "../authentication/user.ts";

/**
 * What somebody wants to do. Verbs are Kubernetes': get, list, watch, create, update, patch, delete, deletecollection,
 * and for what is no resource the HTTP method in lower case.
 */
export type Attributes = ResourceAttributes | PathAttributes;

export interface ResourceAttributes {
  readonly kind: "resource";
  readonly user: User;
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  /** The plural. */
  readonly resource: string;
  /** "" when it is the object itself. */
  readonly subresource: string;
  /** "" for cluster-scoped kinds and for all namespaces. */
  readonly namespace: string;
  /** "" when the request names none. */
  readonly name: string;
}

export interface PathAttributes {
  readonly kind: "path";
  readonly user: User;
  readonly verb: string;
  readonly path: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** Which binding allows it; empty when nothing does. */
  readonly reason: string;
}

/** Answers at once, from memory: it is asked for every request. */
export interface Authorizer {
  authorize(attributes: Attributes): Decision;
}
