/** What Kubernetes' suite asks of unknown and duplicate fields. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer } from "../../scheduler/apiserver/testing/test-server.ts";
import { apply, define, definitionOf, expectCode, inNamespace } from "../support/api-session.ts";

const group = "fields.example.com";
const ports = {
  type: "array",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
  items: {
    type: "object",
    required: ["containerPort", "protocol"],
    properties: {
      containerPort: { type: "integer", format: "int32" },
      name: { type: "string" },
      protocol: { type: "string" },
    },
  },
};
const properties = {
  foo: { type: "string" },
  cronSpec: { type: "string", pattern: String.raw`^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$` },
  ports,
};
const template = {
  type: "object",
  "x-kubernetes-embedded-resource": true,
  properties: {
    metadata: { type: "object", properties: { name: { type: "string" } } },
    spec: { type: "object" },
  },
};
const open = { "x-kubernetes-preserve-unknown-fields": true };

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
  const schemas = {
    stricts: { type: "object", properties: { spec: { type: "object", properties } } },
    opens: { type: "object", ...open },
    embeddings: {
      type: "object",
      properties: { spec: { type: "object", ...open, properties: { ...properties, template } } },
    },
    keepings: { type: "object", properties: { spec: { type: "object", ...open, properties } } },
  };
  await Promise.all(
    Object.entries(schemas).map(([plural, schema]) => define(server, definitionOf(plural, group, schema))),
  );
});
afterAll(() => server[Symbol.asyncDispose]());

const spec = [
  "  cronSpec: '* * * * */5'",
  "  ports:",
  "  - name: x",
  "    containerPort: 80",
  "    protocol: TCP",
];

function applied(plural: string, kind: string, ...lines: readonly string[]) {
  const path = `${inNamespace("default", plural, `/apis/${group}/v1`)}/mytest`;
  const yaml = [
    "",
    `apiVersion: ${group}/v1`,
    `kind: ${kind}`,
    "metadata:",
    "  name: mytest",
    ...lines,
    "",
  ].join("\n");
  return apply(server, path, "field_validation_mgr", yaml, { query: "&fieldValidation=Strict" });
}

const finalizers = ["  finalizers:", "  - example.com/test-finalizer"];

test("apply: a valid object, and one with unknown fields where there is no schema", async () => {
  expectCode(201, await applied("stricts", "Strict", ...finalizers, "spec:", "  foo: foo1", ...spec));
  expectCode(201, await applied("opens", "Open", ...finalizers, "spec:", "  unknown: uk1", ...spec));
});

test("apply: unknown fields of the object, of its metadata and of an embedded object are refused", async () => {
  const extra = await applied("stricts", "Strict", "unknownField: unknown", "spec:", "  foo: foo1", ...spec);
  expect(extra.text).toContain(".unknownField: field not declared in schema");
  const embedded = await applied(
    "embeddings",
    "Embedding",
    "  unknownMeta: unknown",
    "spec:",
    "  template:",
    "    apiversion: foo/v1",
    "    kind: Sub",
    "    metadata:",
    "      unknownSubMeta: unknown",
    "      name: subobject",
    "      namespace: default",
    "  foo: foo1",
    ...spec,
  );
  expect(embedded.code).toBe(400);
  expect(embedded.text).toMatch(
    /unknownSubMeta: field not declared|\.metadata\.unknownMeta: field not declared/,
  );
});

test("apply: duplicates are refused, also where unknown fields are kept", async () => {
  const { code, body } = await applied(
    "keepings",
    "Keeping",
    ...finalizers,
    "spec:",
    "  unknown: uk1",
    "  foo: foo1",
    "  foo: foo2",
    ...spec,
  );
  expect(code).toBe(400);
  expect(body.message).toContain('line 11: key "foo" already set in map');
});

const typed = (metadata: string, data: string, more = "") =>
  `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"typed",${metadata}"labels":{"app":"x"}},"data":{${data}"c":"d"}${more}}`;

test("create: Strict names every unknown and duplicate field of a built-in kind", async () => {
  const post = (body: string) =>
    server.call("POST", `${inNamespace("default", "configmaps")}?fieldValidation=Strict`, { body });
  expect(expectCode(400, await post(typed("", '"a":"1","a":"2",', ',"bogus":1'))).body.message).toBe(
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "bogus", duplicate field "data.a"',
  );
  expect(expectCode(400, await post(typed('"unknownMeta":"foo",', ""))).body.message).toContain(
    'strict decoding error: unknown field "metadata.unknownMeta"',
  );
});

test("create: Strict names them of a custom kind, the duplicates first", async () => {
  const path = `${inNamespace("default", "stricts", `/apis/${group}/v1`)}?fieldValidation=Strict`;
  const body = `{"apiVersion":"${group}/v1","kind":"Strict","metadata":{"name":"s"},"spec":{"unknown1":1,"foo":"a","foo":"b"}}`;
  expect(expectCode(400, await server.call("POST", path, { body })).body.message).toBe(
    'Strict in version "v1" cannot be handled as a Strict: strict decoding error: duplicate field "spec.foo", unknown field "spec.unknown1"',
  );
});

test("create: Warn warns, which is the default; Ignore is silent; nothing else is known", async () => {
  const maps = inNamespace("default", "configmaps");
  const post = (query: string) =>
    server.call("POST", `${maps}?dryRun=All${query}`, { body: typed("", "", ',"bogus":1') });
  const warning = '299 - "unknown field \\"bogus\\""';
  expect(expectCode(201, await post("")).headers["warning"]).toBe(warning);
  expect(expectCode(201, await post("&fieldValidation=Warn")).headers["warning"]).toBe(warning);
  expect(expectCode(201, await post("&fieldValidation=Ignore")).headers["warning"]).toBeUndefined();
  const { body } = await post("&fieldValidation=Sometimes");
  expect(body).toMatchObject({ kind: "Status", status: "Failure" });
  expect(body.message).toContain('fieldValidation: Unsupported value: "Sometimes"');
});

test.each([
  {
    name: "a number for a text",
    body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"t"},"data":{"a":1}}',
    plural: "configmaps",
    message:
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
  },
  {
    name: "a text for a map",
    body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"t"},"data":"a"}',
    plural: "configmaps",
    message: "json: cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string",
  },
  {
    name: "a list for metadata's labels",
    body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"t","labels":[]}}',
    plural: "configmaps",
    message:
      "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
  },
  {
    name: "what is no base64",
    body: '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"t"},"data":{"a":"!!"}}',
    plural: "secrets",
    message: "illegal base64 data at input byte 0",
  },
])("create: $name in a built-in kind cannot be decoded", async ({ body, plural, message }) => {
  const answer = await server.call("POST", inNamespace("default", plural), { body });
  expect(answer.code).toBe(400);
  expect(answer.body.reason).toBe("BadRequest");
  expect(answer.body.message).toContain(message);
});
