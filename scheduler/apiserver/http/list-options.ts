import type { ApiObject } from "../../../api/object-meta.ts";
import { lowerBound } from "../../../kit/lower-bound.ts";
import type { Kind } from "../registry.ts";
import { parseFieldQuery } from "../selectors/field-query.ts";
import { parseLabelQuery } from "../selectors/label-query.ts";
import { ApiError, badRequest, expired, invalidOptions, tooLargeRevision } from "../status.ts";
import { keyOf } from "../storage/event-window.ts";
import type { ListPart, ObjectSource } from "../storage/object-source.ts";
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
  kind: Kind,
  target: { readonly namespace: string; readonly name: string | undefined },
): Selection {
  const { resource } = kind;
  const labels = parseLabelQuery(exchange.query.get("labelSelector") ?? "");
  const fields = parseFieldQuery(exchange.query.get("fieldSelector") ?? "", resource);
  const namespace = target.namespace === "" ? fields?.namespace : target.namespace;
  const name = target.name ?? fields?.name;
  const matches = (object: ApiObject) =>
    (name === undefined || object.metadata.name === name) &&
    (!labels || labels(object.metadata.labels ?? {})) &&
    // The names of fields are those of the kind; an alias is stored with others.
    (!fields || fields.matches(resource.alias ? kind.view(object) : object));
  return {
    matches: labels || fields || name !== undefined ? matches : undefined,
    namespace: resource.namespaced ? namespace || undefined : undefined,
    name,
  };
}

export function select(
  source: ObjectSource,
  { matches, namespace, name }: Selection,
  kind: Kind,
): readonly ApiObject[] {
  if (name !== undefined && (namespace !== undefined || !kind.resource.namespaced)) {
    const object = source.get(namespace ?? "", name);
    return object && matches?.(object) ? [kind.view(object)] : [];
  }
  return filter(source.list(namespace), matches).map((object) => kind.view(object));
}

function filter(objects: readonly ApiObject[], matches: Selection["matches"]): readonly ApiObject[] {
  return matches ? objects.filter(matches) : objects;
}

export interface Page {
  readonly objects: readonly ApiObject[];
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
}

/** Where the next page begins, and the revision of the first one, at which every page of the list is read. */
interface ContinueToken {
  readonly v: "meta.k8s.io/v1";
  /** -1: whatever the revision is now; the list is then not of one moment. */
  readonly rv: number;
  readonly start: string;
}

const nowRevision = -1;

/** The part of the list that the request asks for. */
export async function pageOf(
  exchange: Exchange,
  source: ObjectSource,
  selection: Selection,
  kind: Kind,
): Promise<Page> {
  const limit = exchange.number("limit") ?? 0;
  const token = parseToken(exchange.query.get("continue") ?? "");
  const exact = token
    ? revisionOf(exchange, token, source.revision)
    : exactRevision(exchange, source.revision);
  if (exact !== undefined) await source.recall(exact);
  const { revision } = source;
  const { objects, remaining } = partAt(source, selection, kind, { revision: exact, token, limit });
  const resourceVersion = String(exact ?? revision);
  if (remaining === 0) return { objects: viewed(objects, kind), metadata: { resourceVersion } };
  const last = objects.at(-1);
  return {
    objects: viewed(objects, kind),
    metadata: {
      resourceVersion,
      continue: tokenText(exact ?? revision, last ? keyOf(last) : ""),
      ...(selection.matches ? {} : { remainingItemCount: remaining }),
    },
  };
}

interface PartRequest {
  readonly revision: number | undefined;
  readonly token: ContinueToken | undefined;
  /** 0: all. */
  readonly limit: number;
}

/** Without selectors, what the source can find without looking at everything. */
function partAt(
  source: ObjectSource,
  selection: Selection,
  kind: Kind,
  { revision, token, limit }: PartRequest,
): ListPart {
  const { matches, namespace } = selection;
  const after = token?.start ?? "";
  if (matches || limit === 0) {
    const selected = selectAt(source, selection, kind, revision, token);
    const rest = token ? selected.slice(firstAfter(selected, after)) : selected;
    const objects = limit === 0 ? rest : rest.slice(0, limit);
    return { objects, remaining: rest.length - objects.length };
  }
  const isNow = revision === undefined || revision === source.revision;
  const part = source.part({ namespace, after, limit, revision: isNow ? undefined : revision });
  return part ?? throwExpired(token);
}

function viewed(objects: readonly ApiObject[], kind: Kind): readonly ApiObject[] {
  return objects.map((object) => kind.view(object));
}

/** Stored objects in order, at the revision if one is given. Throws Expired when that is no longer known. */
function selectAt(
  source: ObjectSource,
  selection: Selection,
  kind: Kind,
  revision: number | undefined,
  token: ContinueToken | undefined,
): readonly ApiObject[] {
  const { matches, namespace, name } = selection;
  if (revision === undefined || revision === source.revision) {
    if (name === undefined) return filter(source.list(namespace), matches);
    const isOnePlace = namespace !== undefined || !kind.resource.namespaced;
    if (!isOnePlace) return filter(source.list(undefined), matches);
    const object = source.get(namespace ?? "", name);
    return object ? filter([object], matches) : [];
  }
  const objects = revision < source.revision ? source.listAt(namespace, revision) : undefined;
  return objects ? filter(objects, matches) : throwExpired(token);
}

function throwExpired(token: ContinueToken | undefined): never {
  if (!token) throw expired("The resourceVersion for the provided list is too old.");
  throw new ApiError("Expired", continueExpired, {}, { continue: tokenText(nowRevision, token.start) });
}

const continueExpired =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/** The revision that the list must be of. undefined: now will do. */
function exactRevision(exchange: Exchange, current: number): number | undefined {
  const wanted = exchange.number("resourceVersion");
  const match = exchange.query.get("resourceVersionMatch") ?? "";
  const refuse = (text: string) => {
    throw invalidOptions("resourceVersionMatch", text);
  };
  if (exchange.query.get("sendInitialEvents") !== null)
    throw invalidOptions("sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list");
  if (!["", "Exact", "NotOlderThan"].includes(match))
    refuse(`Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan"`);
  if (match !== "" && wanted === undefined)
    refuse("Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (match === "Exact" && wanted === 0)
    refuse('Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  if (wanted === undefined || wanted === 0) return undefined;
  if (wanted > current) throw tooLargeRevision(wanted, current);
  return match === "Exact" ? wanted : undefined;
}

function revisionOf(exchange: Exchange, token: ContinueToken, current: number): number | undefined {
  if ((exchange.query.get("resourceVersionMatch") ?? "") !== "")
    throw invalidOptions(
      "resourceVersionMatch",
      "Forbidden: resourceVersionMatch is forbidden when continue is provided",
    );
  if ((exchange.number("resourceVersion") ?? 0) !== 0)
    throw badRequest("specifying resource version is not allowed when using continue");
  // Tokens of ours are never ahead.
  if (token.rv > current) throw badRequest("continue key is not valid");
  return token.rv === nowRevision ? undefined : token.rv;
}

function tokenText(rv: number, start: string): string {
  const token: ContinueToken = { v: "meta.k8s.io/v1", rv, start };
  return Buffer.from(JSON.stringify(token)).toString("base64url");
}

function parseToken(text: string): ContinueToken | undefined {
  if (text === "") return undefined;
  try {
    const token = JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as ContinueToken;
    const isRevision = Number.isSafeInteger(token.rv) && token.rv >= nowRevision && token.rv !== 0;
    if (token.v === "meta.k8s.io/v1" && isRevision && typeof token.start === "string") return token;
  } catch {
    // Answered below, like every other token that is not ours.
  }
  throw badRequest("continue key is not valid");
}

function firstAfter(objects: readonly ApiObject[], start: string): number {
  const isUpTo = (object: ApiObject | undefined) => object !== undefined && keyOf(object) <= start;
  return lowerBound(objects.length, (at) => isUpTo(objects[at]));
}
