import { expect, test } from "vitest";
import type { InstanceSpec } from "../../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import { configReferences, resolveTemplate, type ConfigLookup } from "./resolve-template.ts";

const base: InstanceSpec = {
  module: { image: "file:///m.wasm" },
  resources: {},
  terminationGracePeriodSeconds: 30,
  terminationMessagePolicy: "File",
  stopNotice: "none",
};

const metadata = (name: string) => ({
  name,
  namespace: "default",
  uid: name,
  resourceVersion: "1",
  creationTimestamp: "2026-01-01T00:00:00Z",
});

const objects: Readonly<Record<string, ApiObject>> = {
  "ConfigMap/settings": {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: metadata("settings"),
    data: { LEVEL: "info", "app.conf": "a=1\n" },
    binaryData: { blob: Buffer.from([0, 255]).toString("base64") },
  },
  "Secret/keys": {
    apiVersion: "v1",
    kind: "Secret",
    metadata: metadata("keys"),
    data: { token: Buffer.from("s3cret").toString("base64") },
  },
};
const lookup: ConfigLookup = (kind, name) => objects[`${kind}/${name}`];

function resolved(spec: InstanceSpec) {
  const outcome = resolveTemplate(spec, lookup);
  if (outcome.kind !== "resolved") throw new Error(outcome.message);
  return outcome.body;
}

test("resolveTemplate: env wins over envFrom, later envFrom over earlier, prefix applied", () => {
  const body = resolved({
    ...base,
    envFrom: [
      { configMapRef: { name: "settings", optional: false } },
      { prefix: "K_", secretRef: { name: "keys", optional: false } },
    ],
    env: [{ name: "LEVEL", value: "debug" }],
  });
  expect(body.spec.env).toEqual([
    { name: "LEVEL", value: "debug" },
    { name: "app.conf", value: "a=1\n" },
    { name: "K_token", value: "s3cret" },
  ]);
  expect(body.spec.envFrom).toBeUndefined();
});

test("resolveTemplate: keys become values, fieldRef is left to the node", () => {
  const fieldRef = { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" as const } } };
  const body = resolved({
    ...base,
    env: [
      { name: "TOKEN", valueFrom: { secretKeyRef: { name: "keys", key: "token", optional: false } } },
      fieldRef,
      { name: "GONE", valueFrom: { configMapKeyRef: { name: "nowhere", key: "k", optional: true } } },
    ],
  });
  expect(body.spec.env).toEqual([{ name: "TOKEN", value: "s3cret" }, fieldRef]);
});

test("resolveTemplate: volumes carry their files, chosen and renamed by items", () => {
  const body = resolved({
    ...base,
    volumes: [
      { name: "all", configMap: { name: "settings", optional: false } },
      {
        name: "one",
        secret: { secretName: "keys", items: [{ key: "token", path: "a/b" }], optional: false },
      },
    ],
  });
  expect(
    body.contents.map(({ volume, secret, files }) => [volume, secret, files.map((file) => file.path)]),
  ).toEqual([
    ["all", false, ["LEVEL", "app.conf", "blob"]],
    ["one", true, ["a/b"]],
  ]);
  expect(Buffer.from(body.contents[0]!.files[2]!.data)).toEqual(Buffer.from([0, 255]));
});

test.each<{ name: string; spec: Partial<InstanceSpec>; reason: string }>([
  {
    name: "config map missing",
    spec: { envFrom: [{ configMapRef: { name: "nope", optional: false } }] },
    reason: "ConfigMapNotFound",
  },
  {
    name: "secret volume missing",
    spec: { volumes: [{ name: "v", secret: { secretName: "nope", optional: false } }] },
    reason: "SecretNotFound",
  },
  {
    name: "key missing",
    spec: {
      env: [
        { name: "A", valueFrom: { configMapKeyRef: { name: "settings", key: "nope", optional: false } } },
      ],
    },
    reason: "ConfigKeyNotFound",
  },
  {
    name: "inherited property is no key",
    spec: {
      env: [
        {
          name: "A",
          valueFrom: { configMapKeyRef: { name: "settings", key: "constructor", optional: false } },
        },
      ],
    },
    reason: "ConfigKeyNotFound",
  },
])("resolveTemplate: $name", ({ spec, reason }) => {
  expect(resolveTemplate({ ...base, ...spec }, lookup)).toMatchObject({ kind: "missing", reason });
});

test("configReferences: lists every source", () => {
  const spec: InstanceSpec = {
    ...base,
    envFrom: [{ secretRef: { name: "a", optional: false } }],
    env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "b", key: "k", optional: false } } }],
    volumes: [{ name: "c", configMap: { name: "c", optional: false } }],
  };
  expect(configReferences(spec)).toEqual([
    { kind: "Secret", name: "a" },
    { kind: "ConfigMap", name: "b" },
    { kind: "ConfigMap", name: "c" },
  ]);
});
