/**
 * events.k8s.io/v1: the same stored events as core/v1's, under other names of their fields. client-go's newer recorder writes
 * them here. What is stored is the core form; the functions below turn one into the other, without loss.
 */
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Schema } from "../resource.ts";
import { coreKind } from "./descriptor.ts";
import { eventColumns, eventSeries, eventSource } from "./event.ts";
import { objectReference } from "./object-reference.ts";
import { validateReportedEvent } from "./validate-event.ts";

const group = "events.k8s.io";

/** The name here, and the one in core/v1. All other fields have the same. */
const renamed = [
  ["regarding", "involvedObject"],
  ["note", "message"],
  ["reportingController", "reportingComponent"],
  ["deprecatedSource", "source"],
  ["deprecatedFirstTimestamp", "firstTimestamp"],
  ["deprecatedLastTimestamp", "lastTimestamp"],
  ["deprecatedCount", "count"],
] as const;

const toCoreNames: ReadonlyMap<string, string> = new Map(renamed);
const fromCoreNames: ReadonlyMap<string, string> = new Map(renamed.map(([here, there]) => [there, here]));

export function coreEventOf(event: ApiObject): ApiObject {
  return { ...withNames(event, toCoreNames), apiVersion: "v1" };
}

export function reportedEventOf(event: ApiObject): ApiObject {
  return { ...withNames(event, fromCoreNames), apiVersion: `${group}/v1` };
}

function withNames(event: ApiObject, names: ReadonlyMap<string, string>): ApiObject {
  const entries = Object.entries(event).map(([name, value]) => [names.get(name) ?? name, value]);
  // Only names have changed, and none of those that ApiObject has.
  return Object.fromEntries(entries) as ApiObject;
}

const text: Schema = { type: "string" };
const time: Schema = { type: "string", format: "date-time" };

const schema: Schema = {
  type: "object",
  description: "Event is a report of an event somewhere in the cluster. Events are kept for an hour.",
  properties: {
    eventTime: { ...time, description: "When it was first seen, in microseconds." },
    series: { ...eventSeries, description: "How the event went on, when it did." },
    reportingController: { ...text, default: "", description: "Which controller reports it." },
    reportingInstance: { ...text, default: "", description: "Which of the controller's instances." },
    action: { ...text, description: "What was done, or failed." },
    reason: { ...text, description: "Why, in CamelCase, for programs." },
    regarding: { ...objectReference, default: {}, description: "The object that it is about." },
    related: { ...objectReference, description: "Another object that has to do with it." },
    note: { ...text, description: "What happened, for people." },
    type: { ...text, description: "Normal or Warning." },
    deprecatedSource: { ...eventSource, default: {}, description: "source of core/v1." },
    deprecatedFirstTimestamp: { ...time, description: "firstTimestamp of core/v1." },
    deprecatedLastTimestamp: { ...time, description: "lastTimestamp of core/v1." },
    deprecatedCount: { type: "integer", format: "int32", description: "count of core/v1." },
  },
};

export const reportedEventDefinition = coreKind({
  group,
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
  alias: { group: "", plural: "events", fromStored: reportedEventOf, toStored: coreEventOf },
  schema,
  selectableFields: [
    "regarding.kind",
    "regarding.namespace",
    "regarding.name",
    "regarding.uid",
    "regarding.apiVersion",
    "regarding.resourceVersion",
    "regarding.fieldPath",
    "reason",
    "reportingController",
    "type",
  ],
  columns: eventColumns(coreEventOf),
  validate: (event, old) => validateReportedEvent(coreEventOf(event), old && coreEventOf(old)),
});
