import type { ApiObject } from "../../../api/object-meta.ts";
import { invalidValue } from "../../../api/validation/field-error.ts";
import { humanDuration } from "../../../kit/human-duration.ts";
import { isObject, type Schema } from "../resource.ts";
import { coreKind, functionColumn, pathColumn } from "./descriptor.ts";

const text: Schema = { type: "string" };
const time: Schema = { type: "string", format: "date-time" };

const objectReference: Schema = {
  type: "object",
  properties: {
    apiVersion: text,
    kind: text,
    namespace: text,
    name: text,
    uid: text,
    resourceVersion: text,
    fieldPath: text,
  },
};

const schema: Schema = {
  type: "object",
  description: "Event reports something that happened to an object. Events are kept for an hour.",
  required: ["involvedObject"],
  properties: {
    involvedObject: { ...objectReference, description: "The object that it is about." },
    reason: { ...text, description: "Why, in CamelCase, for programs." },
    message: { ...text, description: "What happened, for people." },
    type: { ...text, description: "Normal or Warning." },
    count: { type: "integer", format: "int32", description: "How often it has happened." },
    firstTimestamp: { ...time, description: "When it was first seen." },
    lastTimestamp: { ...time, description: "When it was last seen." },
    eventTime: { ...time, description: "When it was first seen, in microseconds." },
    source: {
      type: "object",
      properties: { component: text, host: text },
      description: "Who reports it.",
    },
    action: text,
    related: objectReference,
    reportingComponent: text,
    reportingInstance: text,
    series: {
      type: "object",
      properties: { count: { type: "integer", format: "int32" }, lastObservedTime: time },
    },
  },
};

export const eventDefinition = coreKind({
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
  schema,
  selectableFields: [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "type",
    "source",
    "reportingComponent",
  ],
  columns: [
    functionColumn("Last Seen", "string", "How long ago it was last seen.", (event, nowMs) =>
      ago(event["lastTimestamp"] ?? event["eventTime"] ?? event.metadata.creationTimestamp, nowMs),
    ),
    pathColumn("Type", "string", ".type", "Normal or Warning."),
    pathColumn("Reason", "string", ".reason", "Why, in CamelCase."),
    functionColumn("Object", "string", "The object that it is about.", involvedText),
    pathColumn("Subobject", "string", ".involvedObject.fieldPath", "The part of the object.", 1),
    pathColumn("Source", "string", ".source.component", "Who reports it.", 1),
    functionColumn("Message", "string", "What happened.", (event) => textOf(event["message"]).trim()),
    functionColumn(
      "First Seen",
      "string",
      "How long ago it was first seen.",
      (event, nowMs) =>
        ago(event["firstTimestamp"] ?? event["eventTime"] ?? event.metadata.creationTimestamp, nowMs),
      1,
    ),
    functionColumn("Count", "integer", "How often it has happened.", (event) => event["count"] ?? 1, 1),
    pathColumn("Name", "string", ".metadata.name", "The event's own name.", 1),
  ],
  validate: (event) => {
    const involved = isObject(event["involvedObject"]) ? event["involvedObject"] : {};
    const namespace = involved["namespace"] ?? "";
    if (namespace === (event.metadata.namespace ?? "")) return [];
    if (namespace === "" && event.metadata.namespace === "default") return [];
    return [invalidValue("involvedObject.namespace", namespace, "does not match event.namespace")];
  },
});

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function involvedText(event: ApiObject): string {
  const involved = isObject(event["involvedObject"]) ? event["involvedObject"] : {};
  return `${textOf(involved["kind"]).toLowerCase()}/${textOf(involved["name"])}`;
}

function ago(timestamp: unknown, nowMs: number): string {
  const at = Date.parse(textOf(timestamp));
  return Number.isNaN(at) ? "<unknown>" : humanDuration(nowMs - at);
}
