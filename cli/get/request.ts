import type { Selection } from "../resources/resolve.ts";

export interface GetOptions {
  readonly output?: string;
  readonly watch?: boolean;
  readonly watchOnly?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly allNamespaces?: boolean;
  readonly headers: boolean;
  readonly showLabels?: boolean;
  readonly showManagedFields?: boolean;
  readonly ignoreNotFound?: boolean;
}

export type OutputFormat = "table" | "wide" | "yaml" | "json" | "name";

/** One request of `get`: a resource with all, some or one of its objects. */
export interface GetTarget {
  readonly selection: Selection;
  /** undefined: all namespaces, or a resource that is in none. */
  readonly namespace: string | undefined;
}

export type GetRequest = GetOptions & { readonly format: OutputFormat };
