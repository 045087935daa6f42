import type { ApiObject } from "../../../api/object-meta.ts";
import type { ResourceDefinition } from "../resource.ts";
import { parseFieldQuery } from "../selectors/field-query.ts";
import { parseLabelQuery } from "../selectors/label-query.ts";
import { badRequest, expired } from "../status.ts";
import type { ObjectSource } from "../storage/object-source.ts";
import type { Exchange } from "./exchange.ts";

export interface Selection {
  /** undefined: every object of the namespace is selected. */
  readonly matches: ((object: ApiObject) => boolean) | undefined;
  readonly namespace: string | undefined;
  /** The only name that can match. */
  readonly name: string | undefined;
}

/** What the URL's namespace and selectors select. `name`: a watch of one object by its own URL. */
export function selectionOf(
  exchange: Exchange,
  resource: ResourceDefinition,
  target: { readonly namespace: string; readonly name: string | undefined },
): Selection {
  const labels = parseLabelQuery(exchange.query.get("labelSelector") ?? "");
  const fields = parseFieldQuery(exchange.query.get("fieldSelector") ?? "", resource);
  const namespace = target.namespace === "" ? fields?.namespace : target.namespace;
  const name = target.name ?? fields?.name;
  const matches = (object: ApiObject) =>
    (name === undefined || object.metadata.name === name) &&
    (!labels || labels(object.metadata.labels ?? {})) &&
    (!fields || fields.matches(object));
  return {
    matches: labels || fields || name !== undefined ? matches : undefined,
    namespace: resource.namespaced ? namespace || undefined : undefined,
    name,
  };
}

export function select(source: ObjectSource, { matches, namespace, name }: Selection): readonly ApiObject[] {
  if (name !== undefined && namespace !== undefined) {
    const object = source.get(namespace, name);
    return object && matches?.(object) ? [object] : [];
  }
  const all = source.list(namespace);
  return matches ? all.filter(matches) : all;
}

export interface Page {
  readonly objects: readonly ApiObject[];
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
}

/** Where the next page begins, and the revision of the first one, which every page of a list names. */
interface ContinueToken {
  readonly v: "meta.k8s.io/v1";
  readonly rv: number;
  readonly start: string;
}

/** The part of the list that the request asks for. */
export function pageOf(exchange: Exchange, source: ObjectSource, selection: Selection): Page {
  const limit = exchange.number("limit") ?? 0;
  const token = parseToken(exchange.query.get("continue") ?? "");
  const { revision } = source;
  if (token && token.rv > revision)
    throw expired("The provided continue parameter is too old to display a consistent list result.");
  if (!token) checkListRevision(exchange, revision);
  const selected = select(source, selection);
  const rest = token ? selected.slice(firstAfter(selected, token.start)) : selected;
  const resourceVersion = String(token?.rv ?? revision);
  if (limit === 0 || rest.length <= limit) return { objects: rest, metadata: { resourceVersion } };
  const objects = rest.slice(0, limit);
  const last = objects.at(-1);
  const next: ContinueToken = {
    v: "meta.k8s.io/v1",
    rv: token?.rv ?? revision,
    start: last ? keyOf(last) : "",
  };
  return {
    objects,
    metadata: {
      resourceVersion,
      continue: Buffer.from(JSON.stringify(next)).toString("base64url"),
      ...(selection.matches ? {} : { remainingItemCount: rest.length - limit }),
    },
  };
}

/** As far as a cache without history can: what is newer than we are is refused, an exact past is gone. */
function checkListRevision(exchange: Exchange, current: number): void {
  const wanted = exchange.number("resourceVersion");
  const match = exchange.query.get("resourceVersionMatch") ?? "";
  if (!["", "Exact", "NotOlderThan"].includes(match))
    throw badRequest(`resourceVersionMatch must be Exact or NotOlderThan, not ${match}`);
  if (match !== "" && wanted === undefined)
    throw badRequest("resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (wanted === undefined || wanted === 0) return;
  if (wanted > current) throw expired(`Too large resource version: ${wanted}, current: ${current}`);
  if (match === "Exact" && wanted !== current)
    throw expired(`The provided resource version is too old: ${wanted}, current: ${current}`);
}

function parseToken(text: string): ContinueToken | undefined {
  if (text === "") return undefined;
  try {
    const token = JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as ContinueToken;
    if (token.v === "meta.k8s.io/v1" && Number.isSafeInteger(token.rv) && typeof token.start === "string")
      return token;
  } catch {
    // Answered below, like every other token that is not ours.
  }
  throw badRequest("continue key is not valid");
}

/** Namespaces and names have no NUL and none of them sorts before it, so this is the order of lists. */
function keyOf({ metadata }: ApiObject): string {
  return `${metadata.namespace ?? ""}\0${metadata.name}`;
}

function firstAfter(objects: readonly ApiObject[], start: string): number {
  let low = 0;
  let high = objects.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const object = objects[middle];
    if (object && keyOf(object) <= start) low = middle + 1;
    else high = middle;
  }
  return low;
}
