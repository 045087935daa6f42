import { expect, test } from "vitest";
import { requestedIsolation } from "./isolation.ts";
import { qosClass } from "./qos.ts";

const limits = { cpu: "500m", memory: "64Mi" };

test.each([
  { name: "nothing", resources: {}, expected: "BestEffort" },
  { name: "requests of zero", resources: { requests: { cpu: "0", memory: 0 } }, expected: "BestEffort" },
  { name: "limits alone", resources: { limits }, expected: "Guaranteed" },
  {
    name: "equal in other words",
    resources: { requests: { cpu: 0.5, memory: "65536Ki" }, limits },
    expected: "Guaranteed",
  },
  { name: "requests below limits", resources: { requests: { cpu: "100m" }, limits }, expected: "Burstable" },
  { name: "a limit of one resource", resources: { limits: { memory: "64Mi" } }, expected: "Burstable" },
  { name: "requests alone", resources: { requests: limits }, expected: "Burstable" },
  { name: "a limit of zero", resources: { limits: { cpu: "0", memory: "64Mi" } }, expected: "Burstable" },
])("qosClass: $name", ({ resources, expected }) => {
  expect(qosClass(resources)).toBe(expected);
});

test.each([
  { name: "Guaranteed", spec: { resources: { limits } }, expected: "process" },
  { name: "Burstable", spec: { resources: { requests: limits } }, expected: "shared" },
  {
    name: "what is written wins",
    spec: { isolation: "shared" as const, resources: { limits } },
    expected: "shared",
  },
])("requestedIsolation: $name", ({ spec, expected }) => {
  expect(requestedIsolation(spec)).toBe(expected);
});
