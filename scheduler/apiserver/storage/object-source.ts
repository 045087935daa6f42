import type { ApiObject } from "../../../api/object-meta.ts";

export interface SourceEvent {
  readonly kind: "put" | "delete";
  /** After a delete: the last state, with the resourceVersion of the deletion. */
  readonly object: ApiObject;
  /** What the object was before. undefined: it is new. */
  readonly previous: ApiObject | undefined;
  readonly revision: number;
  /** About what the event holds in memory. */
  readonly bytes: number;
}

/** Which part of a list is wanted. */
export interface PartQuery {
  /** undefined: all namespaces. */
  readonly namespace: string | undefined;
  /** What comes after this key (see keyOf); empty: from the first on. */
  readonly after: string;
  /** How many at most. */
  readonly limit: number;
  /** As it was then, in the recent past; undefined: as it is now. */
  readonly revision: number | undefined;
}

export interface ListPart {
  readonly objects: readonly ApiObject[];
  /** How many come after them. */
  readonly remaining: number;
}

/** The objects of one kind as this process knows them: what lists and watches are served from. Never waits. */
export interface ObjectSource {
  /** The resourceVersion of a list made now. */
  readonly revision: number;
  get(namespace: string, name: string): ApiObject | undefined;
  /** Ordered by namespace and name; undefined: all namespaces. */
  list(namespace: string | undefined): readonly ApiObject[];
  /** The list as it was at a revision of the recent past. undefined: that is no longer known. */
  listAt(namespace: string | undefined, revision: number): readonly ApiObject[] | undefined;
  /** A part of such a list, without making the rest of it. undefined: what was then is no longer known. */
  part(query: PartQuery): ListPart | undefined;
  /** undefined when some of them are not known; `recall` may bring them in. */
  eventsAfter(revision: number): readonly SourceEvent[] | undefined;
  /** Brings in what is known of before this process began, if the revision lies there. */
  recall(revision: number): Promise<void>;
  /** Events after this call, in order. The listener must not throw. */
  subscribe(listener: (event: SourceEvent) => void): Disposable;
}
