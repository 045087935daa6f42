import { expect, test } from "vitest";
import type { WasmDeployment, WasmDeploymentSpec } from "../gen/kinds.gen.ts";
import { validateWasmDeployment } from "./wasm-deployment.ts";

const labels = { app: "web", tier: "front" };

function deployment(spec: Partial<WasmDeploymentSpec>): WasmDeployment {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: {
      name: "web",
      namespace: "default",
      uid: "u",
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec: {
      replicas: 1,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      minReadySeconds: 0,
      progressDeadlineSeconds: 600,
      autoRollback: false,
      paused: false,
      revisionHistoryLimit: 10,
      rolloutOnConfigChange: false,
      rebalancePolicy: "Never",
      template: {
        metadata: { labels },
        spec: {
          module: { image: "file:///m.wasm" },
          resources: {},
          terminationGracePeriodSeconds: 30,
          terminationMessagePolicy: "File",
          stopNotice: "none",
        },
      },
      ...spec,
    },
  };
}

function problems(spec: Partial<WasmDeploymentSpec>, old?: Partial<WasmDeploymentSpec>): readonly string[] {
  const errors = validateWasmDeployment(deployment(spec), old && deployment(old));
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

const tooShort = (seconds: number) =>
  `spec.progressDeadlineSeconds: Invalid value: 60: must be greater than minReadySeconds (${seconds}), or every update would fail`;

test.each([
  { name: "longer than minReadySeconds", minReadySeconds: 59, expected: [] },
  { name: "as long", minReadySeconds: 60, expected: [tooShort(60)] },
  { name: "shorter", minReadySeconds: 61, expected: [tooShort(61)] },
])("validateWasmDeployment: a progress deadline $name", ({ minReadySeconds, expected }) => {
  expect(problems({ minReadySeconds, progressDeadlineSeconds: 60 })).toEqual(expected);
});

const app = { matchLabels: { app: "web" } };
const tier = { matchLabels: { tier: "front" } };

test.each([
  { name: "as it was", before: app, now: app, count: 0 },
  { name: "another one that matches, too", before: app, now: tier, count: 1 },
  { name: "one where there was none", before: undefined, now: app, count: 1 },
  { name: "none where there was one", before: app, now: undefined, count: 1 },
  { name: "none, as before", before: undefined, now: undefined, count: 0 },
])("validateWasmDeployment: a selector $name", ({ before, now, count }) => {
  const selector = (one: typeof app | typeof tier | undefined) =>
    one === undefined ? {} : { selector: one as NonNullable<WasmDeploymentSpec["selector"]> };
  const found = problems({ ...selector(now), replicas: 2 }, selector(before));
  expect(found.map((text) => text.split(": ")[0])).toEqual(Array(count).fill("spec.selector"));
  if (count > 0) expect(found[0]).toContain("field is immutable; delete the deployment and create it again");
});
