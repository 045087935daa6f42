import { expect, test } from "vitest";
import type { InstanceSpec } from "../../api/gen/kinds.gen.ts";
import { buildAssignment, buildSpec } from "../testing/builders.ts";
import {
  argumentsOf,
  configureTemplate,
  environmentOf,
  restartPolicyOf,
  stopsWhenCutOff,
  type TemplateConfig,
} from "./instance-config.ts";

const mebibyte = 1024 * 1024;

function configure(spec: Partial<InstanceSpec> = {}): TemplateConfig {
  const outcome = configureTemplate(Buffer.from(JSON.stringify(buildSpec(spec))));
  if (outcome.kind === "invalid") throw new Error(outcome.message);
  return outcome.config;
}

test.each([
  { name: "a limit", resources: { limits: { memory: "64Mi" } }, expected: 64 * mebibyte },
  { name: "neither", resources: {}, expected: 256 * mebibyte },
  { name: "a small request", resources: { requests: { memory: "16Mi" } }, expected: 256 * mebibyte },
  { name: "a large request", resources: { requests: { memory: "1Gi" } }, expected: 1024 * mebibyte },
  { name: "more than wasm can have", resources: { limits: { memory: "64Gi" } }, expected: 4096 * mebibyte },
])("configureTemplate: memory from $name", ({ resources, expected }) => {
  expect(configure({ resources }).memoryBytesMax).toBe(expected);
});

test("configureTemplate: mounts are normalized, and content is always read only", () => {
  const { mounts } = configure({
    volumes: [
      { name: "host", hostPath: { path: "/srv" } },
      { name: "conf", configMap: { name: "c", optional: false } },
      { name: "tmp", emptyDir: {} },
    ],
    mounts: [
      { volume: "host", path: "/", readOnly: false },
      { volume: "conf", path: "etc//conf/./", readOnly: false },
      { volume: "tmp", path: "/tmp/", readOnly: true },
    ],
  });
  expect(mounts.map(({ guestPath, readOnly, source }) => [guestPath, readOnly, source.kind])).toEqual([
    ["/", false, "hostPath"],
    ["/etc/conf", true, "content"],
    ["/tmp", true, "emptyDir"],
  ]);
});

const volumes = [{ name: "a", emptyDir: {} }];
test.each([
  {
    name: "an unknown volume",
    mounts: [{ volume: "b", path: "/x" }],
    message: 'spec.mounts[0].volume: no volume is named "b"',
  },
  {
    name: "a path taken twice",
    mounts: [
      { volume: "a", path: "/x" },
      { volume: "a", path: "/x/" },
    ],
    message: "spec.mounts[1].path: /x is already taken by spec.mounts[0]",
  },
  {
    name: "a path with ..",
    mounts: [{ volume: "a", path: "/x/../y" }],
    message: 'spec.mounts[0].path: must not contain ".."',
  },
  {
    name: "an impossible quantity",
    resources: { limits: { memory: "lots" } },
    message: "spec.resources.limits.memory:",
  },
])("configureTemplate: $name is named", ({ message, ...spec }) => {
  const outcome = configureTemplate(Buffer.from(JSON.stringify({ ...buildSpec(), volumes, ...spec })));
  expect(outcome).toMatchObject({ kind: "invalid", message: expect.stringContaining(message) as string });
});

test("configureTemplate: what is no JSON is invalid, not a crash", () => {
  expect(configureTemplate(Buffer.from("{")).kind).toBe("invalid");
});

test("environmentOf: plain values, the instance's fields, and the job's index", () => {
  const field = (fieldPath: "metadata.name" | "metadata.namespace" | "metadata.uid" | "spec.nodeName") => ({
    valueFrom: { fieldRef: { fieldPath } },
  });
  const config = configure({
    env: [
      { name: "LEVEL", value: "info" },
      { name: "EMPTY" },
      { name: "NAME", ...field("metadata.name") },
      { name: "SPACE", ...field("metadata.namespace") },
      { name: "UID", ...field("metadata.uid") },
      { name: "NODE", ...field("spec.nodeName") },
    ],
  });
  const assignment = buildAssignment({ slot: { index: 3, attempt: 1 } });
  expect(Object.fromEntries(environmentOf(config, assignment, "n1"))).toEqual({
    LEVEL: "info",
    EMPTY: "",
    NAME: "web-1",
    SPACE: "default",
    UID: "uid-1",
    NODE: "n1",
    JOB_COMPLETION_INDEX: "3",
  });
});

test.each([
  { name: "a file", image: "file:///opt/my%20app.wasm", expected: "my app.wasm" },
  { name: "a URL with a query", image: "https://host/a/b.wasm?x=/y", expected: "b.wasm" },
  { name: "a URL without a path", image: "https://host/", expected: "module.wasm" },
  { name: "a bad escape", image: "https://host/%zz", expected: "%zz" },
])("argumentsOf: the program's name from $name", ({ image, expected }) => {
  expect(argumentsOf(configure({ module: { image }, args: ["x"] }))).toEqual([expected, "x"]);
});

test.each([
  { kind: "WasmJob", policy: "Never", stops: true },
  { kind: "WasmDeployment", policy: "Always", stops: false },
])("restartPolicyOf, stopsWhenCutOff: defaults of a $kind", ({ kind, policy, stops }) => {
  const assignment = buildAssignment({ owner: { kind, name: "o", uid: "u" } });
  expect(restartPolicyOf(configure(), assignment)).toBe(policy);
  expect(stopsWhenCutOff(configure(), assignment)).toBe(stops);
});
