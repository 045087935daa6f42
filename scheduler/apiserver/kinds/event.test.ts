import { describe, expect, test } from "vitest";
import type { JsonObject, ResourceDefinition } from "../resource.ts";
import { errorsOf, object, rowOf } from "../testing/kinds.ts";
import { eventDefinition } from "./event.ts";
import { coreEventOf, reportedEventDefinition, reportedEventOf } from "./reported-event.ts";

describe("Event", () => {
  const older = {
    involvedObject: { kind: "ConfigMap", name: "c", namespace: "default" },
    source: { component: "kubelet", host: "n1" },
    firstTimestamp: "2026-01-01T00:30:00Z",
    lastTimestamp: "2026-01-01T00:58:00Z",
    count: 3,
    type: "Normal",
    reason: "Made",
    message: " made \n",
  };
  const newer = {
    eventTime: "2026-01-01T00:30:00.000000Z",
    reportingController: "example.com/ctl",
    reportingInstance: "ctl-1",
    action: "Making",
    reason: "Made",
    type: "Normal",
    note: "made",
    regarding: { kind: "ConfigMap", name: "c", namespace: "default" },
  };

  test("the older form in a table, by what it says", () => {
    expect(rowOf(eventDefinition, object(eventDefinition, older))).toEqual({
      "Last Seen": "2m",
      Type: "Normal",
      Reason: "Made",
      Object: "configmap/c",
      Subobject: "",
      Source: "kubelet, n1",
      Message: "made",
      "First Seen": "30m",
      Count: 3,
      Name: "x",
    });
  });

  test("the newer form in the same table", () => {
    const series = { count: 5, lastObservedTime: "2026-01-01T00:59:00.000000Z" };
    expect(
      rowOf(reportedEventDefinition, object(reportedEventDefinition, { ...newer, series })),
    ).toMatchObject({
      "Last Seen": "60s",
      Object: "configmap/c",
      Source: "example.com/ctl, ctl-1",
      Message: "made",
      "First Seen": "30m",
      Count: 5,
    });
  });

  test("either form becomes the other, without loss", () => {
    const event = object(eventDefinition, older);
    const reported = reportedEventOf(event);
    expect(reported).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      note: " made \n",
      regarding: older.involvedObject,
      deprecatedSource: older.source,
      deprecatedCount: 3,
    });
    expect(reported).not.toHaveProperty("message");
    expect(coreEventOf(reported)).toEqual(event);
  });

  test.each<
    readonly [
      name: string,
      kind: ResourceDefinition,
      fields: JsonObject,
      old: JsonObject | undefined,
      errors: readonly string[],
    ]
  >([
    ["older", eventDefinition, older, undefined, []],
    [
      "older, of another namespace",
      eventDefinition,
      { ...older, involvedObject: { namespace: "other" } },
      undefined,
      ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
    ],
    ["newer", reportedEventDefinition, newer, undefined, []],
    [
      "newer, without a reporter",
      reportedEventDefinition,
      { ...newer, reportingController: "" },
      undefined,
      [
        "reportingController: Required value",
        'reportingController: Invalid value: "": name part must be non-empty',
      ],
    ],
    [
      "newer, with older fields",
      reportedEventDefinition,
      { ...newer, deprecatedCount: 1, deprecatedSource: { component: "a" } },
      undefined,
      ['count: Invalid value: "": needs to be unset', 'source: Invalid value: "": needs to be unset'],
    ],
    [
      "newer, of no type",
      reportedEventDefinition,
      { ...newer, type: "Odd" },
      undefined,
      ['type: Invalid value: "": has invalid value: Odd'],
    ],
    [
      "newer, with too short a series",
      reportedEventDefinition,
      { ...newer, series: { count: 1 } },
      undefined,
      ['series.count: Invalid value: "": should be at least 2', "series.lastObservedTime: Required value"],
    ],
    [
      "newer, going on",
      reportedEventDefinition,
      { ...newer, series: { count: 2, lastObservedTime: "2026-01-01T00:59:00Z" } },
      newer,
      [],
    ],
    [
      "newer, saying something else",
      reportedEventDefinition,
      { ...newer, note: "b" },
      newer,
      ['message: Invalid value: "b": field is immutable'],
    ],
  ])("validation: %s", (_name, kind, fields, old, errors) => {
    expect(errorsOf(kind, fields, {}, old)).toEqual(errors);
  });
});
