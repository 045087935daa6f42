import type { JsonObject } from "../resource.ts";
import { compareTexts } from "./group-order.ts";

interface Parameter {
  readonly type: "string" | "integer" | "boolean";
  readonly description: string;
}

const text = (description: string): Parameter => ({ type: "string", description });
const count = (description: string): Parameter => ({ type: "integer", description });
const flag = (description: string): Parameter => ({ type: "boolean", description });

/** The parameters of queries. What an operation takes of them stands in operations.ts. */
const queryParameters = {
  allowWatchBookmarks: flag("Whether a watch has events of type BOOKMARK, which tell how far it has come."),
  continue: text("Asks for the next part of a list: what the part before had in its metadata."),
  dryRun: text("All: everything is checked and nothing is changed."),
  fieldManager: text(
    "Who makes the change: up to 128 printable characters. An apply must say it; otherwise the user agent is taken.",
  ),
  fieldSelector: text("Restricts a list to objects with certain values of fields."),
  fieldValidation: text(
    "What becomes of unknown and duplicate fields: Ignore, Warn, which is the default, or Strict, which refuses them.",
  ),
  follow: flag("Whether the log is followed until it ends."),
  force: flag("Whether an apply takes over the fields of others with which it is in conflict."),
  gracePeriodSeconds: count("How long the object may take to end; 0 is at once."),
  labelSelector: text("Restricts a list to objects with certain labels."),
  limit: count("How many objects a part of a list has at most."),
  orphanDependents: flag("Use propagationPolicy instead."),
  pretty: text("true: the answer is indented."),
  propagationPolicy: text("What becomes of dependents: Orphan, Background or Foreground."),
  resourceVersion: text("The revision of a list, or after which a watch begins."),
  resourceVersionMatch: text("What resourceVersion means for a list: Exact or NotOlderThan."),
  sendInitialEvents: flag(
    "Whether a watch begins with all that there is, followed by a bookmark. With resourceVersionMatch=NotOlderThan only.",
  ),
  sinceSeconds: count("How old the oldest lines of the log may be."),
  tailLines: count("How many lines from the end of the log."),
  timeoutSeconds: count("After how long a list or watch is ended."),
  timestamps: flag("Whether each line of the log begins with its time."),
  watch: flag("Whether changes are sent as they come, instead of a list."),
} as const;

export type QueryParameter = keyof typeof queryParameters;

export interface NamedParameter extends Parameter {
  readonly name: string;
  readonly in: "query" | "path";
}

export function queryParametersOf(names: readonly QueryParameter[]): readonly NamedParameter[] {
  return names
    .map((name): NamedParameter => ({ name, in: "query", ...queryParameters[name] }))
    .sort((a, b) => compareTexts(a.name, b.name));
}

export function pathParameter(name: string, description: string): NamedParameter {
  return { name, in: "path", type: "string", description };
}

/** As OpenAPI 3.0 has it. */
export function parameterV3({ name, in: place, type, description }: NamedParameter): JsonObject {
  return {
    name,
    in: place,
    description,
    ...(place === "path" ? { required: true } : {}),
    schema: { type, uniqueItems: true },
  };
}

/** As Swagger 2.0 has it. */
export function parameterV2({ name, in: place, type, description }: NamedParameter): JsonObject {
  return {
    uniqueItems: true,
    type,
    description,
    name,
    in: place,
    ...(place === "path" ? { required: true } : {}),
  };
}
