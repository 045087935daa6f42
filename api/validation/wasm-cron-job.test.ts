import { expect, test } from "vitest";
import { applyDefaults } from "../defaults.ts";
import type { ApiObject } from "../object-meta.ts";
import { semanticChecks, semanticWarnings } from "./kinds.ts";

function cronJob(spec: object, template: object = {}, name = "tick"): ApiObject {
  return applyDefaults({
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmCronJob",
    metadata: { name, uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: {
      schedule: "* * * * *",
      ...spec,
      jobTemplate: {
        metadata: { labels: { app: "tick" } },
        spec: { template: { spec: { module: { image: "file:///m.wasm" }, resources: {}, ...template } } },
      },
    },
  });
}

function problems(object: ApiObject, old?: ApiObject): readonly string[] {
  return (semanticChecks[object.kind]?.(object, old) ?? []).map(
    (error) => `${error.field}: ${error.message}`,
  );
}

test.each([
  { name: "nothing wrong", object: cronJob({ timeZone: "Europe/Berlin" }), expected: [] },
  {
    name: "a schedule that never comes",
    object: cronJob({ schedule: "0 0 31 2 *" }),
    expected: [expect.stringContaining('spec.schedule: Invalid value: "0 0 31 2 *": it never comes')],
  },
  {
    name: "a zone that is none, and a field that is none",
    object: cronJob({ schedule: "0 25 * * *", timeZone: "Berlin" }),
    expected: [
      expect.stringContaining(
        'spec.timeZone: Invalid value: "Berlin": unknown time zone; did you mean Europe',
      ),
      expect.stringContaining('spec.schedule: Invalid value: "0 25 * * *": field 2 (hour) "25"'),
    ],
  },
  {
    name: "a name that leaves no room for the time",
    object: cronJob({}, {}, "x".repeat(53)),
    expected: [expect.stringContaining("must be no more than 52 characters")],
  },
  { name: "the longest name", object: cronJob({}, {}, "x".repeat(52)), expected: [] },
  {
    name: "what jobs refuse, at its place",
    object: cronJob({}, { restartPolicy: "Always", resources: { requests: { cpu: "lots" } } }),
    expected: [
      expect.stringContaining(
        'spec.jobTemplate.spec.template.spec.resources.requests.cpu: Invalid value: "lots"',
      ),
      expect.stringContaining("spec.jobTemplate.spec.template.spec.restartPolicy: Unsupported value"),
    ],
  },
])("validateWasmCronJob: $name", ({ object, expected }) => {
  expect(problems(object)).toEqual(expected);
});

test("validateWasmCronJob: labels and annotations of the jobs", () => {
  const object = cronJob({});
  const { jobTemplate } = object["spec"] as { jobTemplate: object };
  const metadata = { labels: { "a b": "c" }, annotations: { "/x": "" } };
  const changed = { ...object, spec: { schedule: "@daily", jobTemplate: { ...jobTemplate, metadata } } };
  expect(problems(changed)).toEqual([
    expect.stringContaining('spec.jobTemplate.metadata.labels: Invalid value: "a b"'),
    expect.stringContaining('spec.jobTemplate.metadata.annotations: Invalid value: "/x"'),
  ]);
});

test("validateWasmCronJob: a zone that has gone keeps nobody from changing something else", () => {
  const old = cronJob({ timeZone: "Nowhere/Gone" });
  expect(problems(cronJob({ timeZone: "Nowhere/Gone", suspend: true }), old)).toEqual([]);
  expect(problems(cronJob({ timeZone: "Nowhere/Gone", schedule: "@daily" }), old)).toHaveLength(1);
});

test("applyDefaults: a cron job's jobs are as jobs are", () => {
  expect(cronJob({})["spec"]).toMatchObject({
    jobTemplate: {
      spec: { template: { spec: { runtime: "v8", restartPolicy: "Never", onDisconnect: "stop" } } },
    },
  });
});

test("semanticWarnings: are about the template of the jobs", () => {
  const terms = { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "zone" }] };
  const affinity = { instanceAffinity: terms, instanceAntiAffinity: terms };
  expect(semanticWarnings["WasmCronJob"]?.(cronJob({}, { affinity }))).toEqual([
    expect.stringContaining("spec.jobTemplate.spec.template.spec.affinity.instanceAntiAffinity"),
  ]);
});
