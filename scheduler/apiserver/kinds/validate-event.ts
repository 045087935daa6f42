/** As Kubernetes validates events, in the core form: those of core/v1 loosely, those that came by events.k8s.io strictly. */
import { isDeepStrictEqual } from "node:util";
import type { ApiObject } from "../../../api/object-meta.ts";
import { type FieldError, invalidValue, requiredValue } from "../../../api/validation/field-error.ts";
import { checkQualifiedName } from "../../../api/validation/names.ts";
import { isObject } from "../resource.ts";

const shortLengthMax = 128;
const noteLengthMax = 1024;

export function validateEvent(event: ApiObject): readonly FieldError[] {
  const involved = isObject(event["involvedObject"]) ? event["involvedObject"] : {};
  const wanted = textOf(involved["namespace"]);
  const namespace = event.metadata.namespace ?? "";
  const misplaced = [invalidValue("involvedObject.namespace", wanted, "does not match event.namespace")];
  if (event["eventTime"] === undefined) {
    const fits = wanted === "" ? namespace === "" || namespace === "default" : wanted === namespace;
    return fits ? [] : misplaced;
  }
  const isOfCluster = wanted === "" && namespace !== "default" && namespace !== "kube-system";
  return [...(isOfCluster ? misplaced : []), ...validateReport(event)];
}

/** Events of the newer kind, which have an eventTime. */
function validateReport(event: ApiObject): readonly FieldError[] {
  const controller = textOf(event["reportingComponent"]);
  const controllerProblem = checkQualifiedName(controller);
  return [
    ...(controller === "" ? [requiredValue("reportingController")] : []),
    ...(controllerProblem === undefined
      ? []
      : [invalidValue("reportingController", controller, controllerProblem)]),
    ...["reportingInstance", "action", "reason"].flatMap((field) => {
      const text = textOf(event[field]);
      return [
        ...(text === "" ? [requiredValue(field)] : []),
        ...(Buffer.byteLength(text) > shortLengthMax
          ? [invalidValue(field, "", `can have at most ${shortLengthMax} characters`)]
          : []),
      ];
    }),
    ...(Buffer.byteLength(textOf(event["message"])) > noteLengthMax
      ? [invalidValue("message", "", `can have at most ${noteLengthMax} characters`)]
      : []),
  ];
}

/** What events.k8s.io asks on top, of an event in the core form. */
export function validateReportedEvent(event: ApiObject, old: ApiObject | undefined): readonly FieldError[] {
  const errors = validateEvent(event);
  if (old)
    return [
      ...errors,
      ...(isDeepStrictEqual(event["series"], old["series"]) ? [] : validateSeries(event)),
      ...fixedFields
        .filter((field) => !isDeepStrictEqual(event[field] ?? "", old[field] ?? ""))
        .map((field) => invalidValue(field, event[field] ?? null, "field is immutable")),
    ];
  const { type, source } = event;
  const { component, host } = isObject(source) ? source : {};
  const unset = ["firstTimestamp", "lastTimestamp", "count"].filter(
    (field) => event[field] !== undefined && event[field] !== 0,
  );
  if (textOf(component) !== "" || textOf(host) !== "") unset.push("source");
  return [
    ...errors,
    ...validateSeries(event),
    ...(event["eventTime"] === undefined ? [requiredValue("eventTime")] : []),
    ...(type === "Normal" || type === "Warning"
      ? []
      : [invalidValue("type", "", `has invalid value: ${textOf(type)}`)]),
    ...unset.map((field) => invalidValue(field, "", "needs to be unset")),
  ];
}

const fixedFields = [
  "involvedObject",
  "reason",
  "message",
  "source",
  "firstTimestamp",
  "lastTimestamp",
  "count",
  "type",
  "eventTime",
  "action",
  "related",
  "reportingComponent",
  "reportingInstance",
];

function validateSeries({ series }: ApiObject): readonly FieldError[] {
  if (!isObject(series)) return [];
  const { count, lastObservedTime } = series;
  return [
    ...(typeof count === "number" && count >= 2
      ? []
      : [invalidValue("series.count", "", "should be at least 2")]),
    ...(lastObservedTime === undefined ? [requiredValue("series.lastObservedTime")] : []),
  ];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
