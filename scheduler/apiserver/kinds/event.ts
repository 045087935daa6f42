import type { ApiObject } from "../../../api/object-meta.ts";
import { humanDuration } from "../../../kit/human-duration.ts";
import { type Column, isObject, type JsonObject, type Schema } from "../resource.ts";
import { coreKind, functionColumn } from "./descriptor.ts";
import { objectReference } from "./object-reference.ts";
import { validateEvent } from "./validate-event.ts";

const text: Schema = { type: "string" };
const time: Schema = { type: "string", format: "date-time" };

export const eventSource: Schema = {
  type: "object",
  properties: {
    component: { ...text, description: "The component." },
    host: { ...text, description: "The machine that it runs on." },
  },
};

export const eventSeries: Schema = {
  type: "object",
  properties: {
    count: { type: "integer", format: "int32", description: "How often it has happened." },
    lastObservedTime: { ...time, description: "When it was last seen, in microseconds." },
  },
};

const schema: Schema = {
  type: "object",
  description: "Event reports something that happened to an object. Events are kept for an hour.",
  properties: {
    involvedObject: { ...objectReference, default: {}, description: "The object that it is about." },
    reason: { ...text, description: "Why, in CamelCase, for programs." },
    message: { ...text, description: "What happened, for people." },
    type: { ...text, description: "Normal or Warning." },
    count: { type: "integer", format: "int32", description: "How often it has happened." },
    firstTimestamp: { ...time, description: "When it was first seen." },
    lastTimestamp: { ...time, description: "When it was last seen." },
    eventTime: { ...time, description: "When it was first seen, in microseconds." },
    source: { ...eventSource, default: {}, description: "Who reports it, in the older form." },
    action: { ...text, description: "What was done, or failed." },
    related: { ...objectReference, description: "Another object that has to do with it." },
    reportingComponent: { ...text, default: "", description: "Which controller reports it." },
    reportingInstance: { ...text, default: "", description: "Which of the controller's instances." },
    series: { ...eventSeries, description: "How the event went on, when it did." },
  },
};

export const eventDefinition = coreKind({
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
  schema,
  emptyObject: { involvedObject: {}, source: {} },
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
  columns: eventColumns((event) => event),
  validate: (event) => validateEvent(event),
});

/** `toCore`: of another form of events to this one. */
export function eventColumns(toCore: (event: ApiObject) => ApiObject): readonly Column[] {
  const column = (
    name: string,
    type: string,
    description: string,
    of: (event: ApiObject, nowMs: number) => unknown,
    priority = 0,
  ) => functionColumn(name, type, description, (event, nowMs) => of(toCore(event), nowMs), priority);
  return [
    column("Last Seen", "string", "How long ago it was last seen.", lastSeen),
    column("Type", "string", "Normal or Warning.", (event) => textOf(event["type"])),
    column("Reason", "string", "Why, in CamelCase.", (event) => textOf(event["reason"])),
    column("Object", "string", "The object that it is about.", involvedText),
    column(
      "Subobject",
      "string",
      "The part of the object.",
      (event) => textOf(involvedOf(event)["fieldPath"]),
      1,
    ),
    column("Source", "string", "Who reports it.", sourceText, 1),
    column("Message", "string", "What happened.", (event) => textOf(event["message"]).trim()),
    column("First Seen", "string", "How long ago it was first seen.", firstSeen, 1),
    column("Count", "integer", "How often it has happened.", countOf, 1),
    column("Name", "string", "The event's own name.", (event) => event.metadata.name, 1),
  ];
}

function firstSeen(event: ApiObject, nowMs: number): string {
  return ago(event["firstTimestamp"] ?? event["eventTime"], nowMs);
}

function lastSeen(event: ApiObject, nowMs: number): string {
  const { series, lastTimestamp } = event;
  if (isObject(series)) return ago(series["lastObservedTime"], nowMs);
  return lastTimestamp === undefined ? firstSeen(event, nowMs) : ago(lastTimestamp, nowMs);
}

function countOf({ series, count }: ApiObject): unknown {
  if (isObject(series)) return series["count"] ?? 0;
  return count === undefined || count === 0 ? 1 : count;
}

function sourceText(event: ApiObject): string {
  const source = isObject(event["source"]) ? event["source"] : {};
  const component = textOf(source["component"]) || textOf(event["reportingComponent"]);
  const instance = textOf(source["host"]) || textOf(event["reportingInstance"]);
  return instance === "" ? component : `${component}, ${instance}`;
}

function involvedOf(event: ApiObject): JsonObject {
  return isObject(event["involvedObject"]) ? event["involvedObject"] : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function involvedText(event: ApiObject): string {
  const { kind, name } = involvedOf(event);
  const named = textOf(name) === "" ? "" : `/${textOf(name)}`;
  return `${textOf(kind).toLowerCase()}${named}`;
}

function ago(timestamp: unknown, nowMs: number): string {
  const at = Date.parse(textOf(timestamp));
  return Number.isNaN(at) ? "<unknown>" : humanDuration(nowMs - at);
}
