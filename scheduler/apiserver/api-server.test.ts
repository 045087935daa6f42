import { afterAll, beforeAll, expect, test } from "vitest";
import { configMap, configMapsPath, deployment, deploymentsPath } from "./testing/manifests.ts";
import { until } from "./testing/until.ts";
import { TestServer } from "./testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

let count = 0;
const unique = () => `thing-${++count}`;

async function created(body: object, path = deploymentsPath) {
  const answer = await server.call("POST", path, { body });
  expect(answer.code, answer.text).toBe(201);
  return answer.body;
}

test("authentication: 401 without or with a wrong token, health and version without one", async () => {
  for (const token of [undefined, "wrong", "secret-token2"]) {
    const answer = await server.call("GET", "/api/v1/namespaces", { token });
    expect(answer.body).toMatchObject({ kind: "Status", reason: "Unauthorized", code: 401 });
  }
  for (const path of ["/livez", "/readyz", "/healthz", "/version"])
    expect((await server.call("GET", path, { token: undefined })).code).toBe(200);
});

test("create: the server's metadata and all defaults are there", async () => {
  const object = await created(deployment(unique(), {}, { uid: "mine", generation: 9, managedFields: [] }));
  expect(object.metadata).toMatchObject({ generation: 1, namespace: "default" });
  expect(object.metadata.uid).not.toBe("mine");
  expect(object.metadata.managedFields).toMatchObject([
    { manager: "unknown", operation: "Update", apiVersion: "wherry.dev/v1alpha1" },
  ]);
  expect(object.spec).toMatchObject({
    replicas: 1,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
    template: { spec: { runtime: "v8", restartPolicy: "Always", onDisconnect: "continue", resources: {} } },
  });
});

test("create: generateName makes a name of its own", async () => {
  const body = { ...deployment(""), metadata: { generateName: "gen-" } };
  const names = [await created(body), await created(body)].map((object) => object.metadata.name);
  expect(names[0]).toMatch(/^gen-[a-z0-9]{5}$/);
  expect(names[0]).not.toBe(names[1]);
});

test.each([
  {
    name: "replicas -1",
    spec: { replicas: -1 },
    field: "spec.replicas",
    reason: "FieldValueInvalid",
    message: "Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
  },
  {
    name: "replicas as text",
    spec: { replicas: "two" },
    field: "spec.replicas",
    reason: "FieldValueTypeInvalid",
    message: 'Invalid value: "string": spec.replicas in body must be of type integer: "string"',
  },
  {
    name: "more replicas than there may be",
    spec: { replicas: 2e6 },
    field: "spec.replicas",
    reason: "FieldValueInvalid",
    message: "Invalid value: 2000000: spec.replicas in body should be less than or equal to 1000000",
  },
  {
    name: "no template",
    spec: { template: undefined },
    field: "spec.template",
    reason: "FieldValueRequired",
    message: "Required value",
  },
  {
    name: "an unknown strategy",
    spec: { strategy: { type: "X" } },
    field: "spec.strategy.type",
    reason: "FieldValueNotSupported",
    message: 'Unsupported value: "X": supported values: "RollingUpdate", "Recreate"',
  },
  {
    name: "a label key without a name",
    metadata: { labels: { "a/": "x" } },
    field: "metadata.labels",
    reason: "FieldValueInvalid",
    message: 'Invalid value: "a/": name part must be non-empty',
  },
  {
    name: "labels that are no texts",
    metadata: { labels: { a: 1 } },
    field: "metadata.labels.a",
    reason: "FieldValueTypeInvalid",
    message: 'Invalid value: "integer": metadata.labels.a in body must be of type string: "integer"',
  },
])(
  "create: refuses $name with the field and what to do",
  async ({ spec, metadata, field, reason, message }) => {
    const name = unique();
    const answer = await server.call("POST", deploymentsPath, {
      body: deployment(name, spec ?? {}, metadata ?? {}),
    });
    expect(answer.body).toMatchObject({ kind: "Status", status: "Failure", code: 422, reason: "Invalid" });
    expect(answer.body.details).toMatchObject({
      name,
      group: "wherry.dev",
      kind: "WasmDeployment",
      causes: [{ reason, field, message }],
    });
    expect(answer.body.message).toBe(`WasmDeployment.wherry.dev "${name}" is invalid: ${field}: ${message}`);
    expect((await server.call("GET", `${deploymentsPath}/${name}`)).code).toBe(404);
  },
);

test("create: an impossible quantity says what a quantity looks like", async () => {
  const template = { spec: { module: { image: "file:///x" }, resources: { limits: { memory: "8 megs" } } } };
  const answer = await server.call("POST", deploymentsPath, { body: deployment(unique(), { template }) });
  expect(answer.body.message).toContain(
    'resources.limits.memory: Invalid value: "8 megs": must be a quantity',
  );
  expect(answer.body.message).toContain("64Mi");
});

test("create: an unknown field is refused, warned about or dropped, as asked", async () => {
  const body = deployment(unique(), { unknownField: 1 });
  const strict = await server.call("POST", `${deploymentsPath}?fieldValidation=Strict`, { body });
  expect(strict.body).toMatchObject({
    code: 400,
    message:
      'WasmDeployment in version "v1alpha1" cannot be handled as a WasmDeployment: strict decoding error: unknown field "spec.unknownField"',
  });
  const warned = await server.call("POST", `${deploymentsPath}?dryRun=All`, { body });
  expect(warned.code).toBe(201);
  expect(warned.headers["warning"]).toContain(String.raw`299 - "unknown field \"spec.unknownField\""`);
  const dropped = await server.call("POST", `${deploymentsPath}?fieldValidation=Ignore`, { body });
  expect(dropped.headers["warning"]).toBeUndefined();
  expect(dropped.body.spec.unknownField).toBeUndefined();
});

test("create: a field that comes twice is named", async () => {
  const body = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${unique()}"},"data":{"a":"1","a":"2"}}`;
  const answer = await server.call("POST", `${configMapsPath}?fieldValidation=Strict`, { body });
  expect(answer.body.message).toContain('duplicate field "data.a"');
});

test("create: dryRun checks everything and stores nothing", async () => {
  const name = unique();
  const dry = await server.call("POST", `${deploymentsPath}?dryRun=All`, { body: deployment(name) });
  expect(dry.code).toBe(201);
  expect((await server.call("GET", `${deploymentsPath}/${name}`)).code).toBe(404);
  const wrong = await server.call("POST", `${deploymentsPath}?dryRun=Some`, { body: deployment(name) });
  expect(wrong.code).toBe(400);
});

test("create: a name that is taken, a missing namespace, another namespace in the body", async () => {
  const { metadata } = await created(deployment(unique()));
  const taken = await server.call("POST", deploymentsPath, { body: deployment(metadata.name) });
  expect(taken.body).toMatchObject({
    code: 409,
    reason: "AlreadyExists",
    message: `wasmdeployments.wherry.dev "${metadata.name}" already exists`,
  });
  const path = "/apis/wherry.dev/v1alpha1/namespaces/nowhere/wasmdeployments";
  const missing = await server.call("POST", path, { body: deployment(unique()) });
  expect(missing.body).toMatchObject({ code: 404, message: 'namespaces "nowhere" not found' });
  const other = await server.call("POST", deploymentsPath, {
    body: deployment(unique(), {}, { namespace: "x" }),
  });
  expect(other.code).toBe(400);
});

test("update: generation counts changes of the wanted state, a stale resourceVersion is a conflict", async () => {
  const first = await created(deployment(unique()));
  const path = `${deploymentsPath}/${first.metadata.name}`;
  const scaled = await server.call("PUT", path, { body: { ...first, spec: { ...first.spec, replicas: 2 } } });
  expect(scaled.body.metadata.generation).toBe(2);
  const stale = await server.call("PUT", path, { body: first });
  expect(stale.body).toMatchObject({
    code: 409,
    reason: "Conflict",
    message: `Operation cannot be fulfilled on wasmdeployments.wherry.dev "${first.metadata.name}": the object has been modified; please apply your changes to the latest version and try again`,
  });
  const labelled = await server.call("PATCH", path, { body: { metadata: { labels: { a: "b" } } } });
  expect(labelled.body.metadata.generation).toBe(2);
  const same = await server.call("PATCH", path, { body: { metadata: { labels: { a: "b" } } } });
  expect(same.body.metadata.resourceVersion).toBe(labelled.body.metadata.resourceVersion);
  const { resourceVersion: _, ...metadata } = labelled.body.metadata;
  expect((await server.call("PUT", path, { body: { ...labelled.body, metadata } })).code).toBe(422);
});

test("status: neither write touches the other's part", async () => {
  const first = await created({ ...deployment(unique()), status: { replicas: 5 } });
  expect(first.status).toBeUndefined();
  const path = `${deploymentsPath}/${first.metadata.name}`;
  const body = { status: { replicas: 3 }, spec: { replicas: 9 }, metadata: { labels: { x: "y" } } };
  const status = await server.call("PATCH", `${path}/status`, { body });
  expect(status.body).toMatchObject({
    status: { replicas: 3 },
    spec: { replicas: 1 },
    metadata: { generation: 1 },
  });
  expect(status.body.metadata.labels).toBeUndefined();
  const main = await server.call("PATCH", path, { body: { status: { replicas: 8 }, spec: { replicas: 4 } } });
  expect(main.body).toMatchObject({
    status: { replicas: 3 },
    spec: { replicas: 4 },
    metadata: { generation: 2 },
  });
});

test("scale: read, patched, and put without a Content-Type", async () => {
  const { metadata } = await created(deployment(unique()));
  const path = `${deploymentsPath}/${metadata.name}`;
  const scale = await server.call("GET", `${path}/scale`);
  expect(scale.body).toMatchObject({
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    spec: { replicas: 1 },
    status: { replicas: 0 },
  });
  const patched = await server.call("PATCH", `${path}/scale`, { body: { spec: { replicas: 3 } } });
  expect(patched.body.spec.replicas).toBe(3);
  const put = await server.call("PUT", `${path}/scale`, {
    body: { ...patched.body, spec: { replicas: 4 } },
    type: "",
  });
  expect(put.body.spec.replicas).toBe(4);
  expect((await server.call("PUT", `${path}/scale`, { body: scale.body })).code).toBe(409);
  const negative = await server.call("PATCH", `${path}/scale`, { body: { spec: { replicas: -1 } } });
  expect(negative.body).toMatchObject({ code: 422, reason: "Invalid" });
  expect((await server.call("GET", path)).body.spec.replicas).toBe(4);
});

test.each([
  {
    name: "strategic on a custom kind",
    type: "application/strategic-merge-patch+json",
    text: "accepted media types include: application/json-patch+json, application/merge-patch+json",
  },
  { name: "anything else", type: "text/plain", text: "accepted media types include" },
])("patch: 415 for $name", async ({ type, text }) => {
  const { metadata } = await created(deployment(unique()));
  const answer = await server.call("PATCH", `${deploymentsPath}/${metadata.name}`, { body: {}, type });
  expect(answer.body).toMatchObject({ code: 415, reason: "UnsupportedMediaType" });
  expect(answer.body.message).toContain(text);
});

test("patch: of 30 at once on one object none is lost", async () => {
  const name = unique();
  await created(configMap(name), configMapsPath);
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, at) =>
      server.call("PATCH", `${configMapsPath}/${name}`, {
        body: { data: { [`k${at}`]: "v" } },
        type: "application/strategic-merge-patch+json",
      }),
    ),
  );
  expect(answers.map((answer) => answer.code)).toEqual(Array.from({ length: 30 }, () => 200));
  const { body } = await server.call("GET", `${configMapsPath}/${name}`);
  expect(Object.keys(body.data)).toHaveLength(30);
});

test("delete: with preconditions, then gone", async () => {
  const { metadata } = await created(deployment(unique()));
  const path = `${deploymentsPath}/${metadata.name}`;
  const refused = await server.call("DELETE", path, { body: { preconditions: { uid: "another" } } });
  expect(refused.body).toMatchObject({ code: 409, reason: "Conflict" });
  const body = { propagationPolicy: "Background", preconditions: { uid: metadata.uid } };
  const deleted = await server.call("DELETE", path, { body });
  expect(deleted.body).toMatchObject({ kind: "Status", status: "Success", details: { uid: metadata.uid } });
  expect((await server.call("GET", path)).body.message).toBe(
    `wasmdeployments.wherry.dev "${metadata.name}" not found`,
  );
});

test("delete: waits for finalizers", async () => {
  const { metadata } = await created(deployment(unique(), {}, { finalizers: ["wherry.dev/test"] }));
  const path = `${deploymentsPath}/${metadata.name}`;
  const marked = await server.call("DELETE", path);
  expect(marked.body.metadata.deletionTimestamp).toBeDefined();
  expect((await server.call("GET", path)).code).toBe(200);
  await server.call("PATCH", path, { body: { metadata: { finalizers: null } } });
  expect((await server.call("GET", path)).code).toBe(404);
});

test("deletecollection: only what is selected", async () => {
  const label = unique();
  const names = [unique(), unique()];
  for (const name of names) await created(configMap(name, {}, { labels: { group: label } }), configMapsPath);
  const kept = unique();
  await created(configMap(kept), configMapsPath);
  const answer = await server.call("DELETE", `${configMapsPath}?labelSelector=group%3D${label}`);
  expect(answer.body.items).toHaveLength(2);
  expect((await server.call("GET", `${configMapsPath}/${names[0]}`)).code).toBe(404);
  expect((await server.call("GET", `${configMapsPath}/${kept}`)).code).toBe(200);
});

test("namespaces: deleting one removes what is in it, and the default one stays", async () => {
  const name = unique();
  await created({ apiVersion: "v1", kind: "Namespace", metadata: { name } }, "/api/v1/namespaces");
  const path = `/api/v1/namespaces/${name}`;
  await created(configMap("a"), `${path}/configmaps`);
  await created(configMap("held", {}, { finalizers: ["wherry.dev/test"] }), `${path}/configmaps`);
  const going = await server.call("DELETE", path);
  expect(going.body.status.phase).toBe("Terminating");
  await until(async () => (await server.call("GET", `${path}/configmaps`)).body.items.length === 1);
  await until(async () => {
    const { conditions = [] } = (await server.call("GET", path)).body.status;
    return conditions.some((one: { message: string }) => one.message.includes("wherry.dev/test in 1"));
  });
  const refused = await server.call("POST", `${path}/configmaps`, { body: configMap("b") });
  expect(refused.body).toMatchObject({ code: 403, reason: "Forbidden" });
  using gone = server.watch(
    `/api/v1/namespaces?watch=1&resourceVersion=${going.body.metadata.resourceVersion}`,
  );
  await server.call("PATCH", `${path}/configmaps/held`, { body: { metadata: { finalizers: null } } });
  for (;;) {
    const event = await gone.next();
    if (event?.type === "MODIFIED") continue;
    expect(event).toMatchObject({ type: "DELETED", object: { metadata: { name } } });
    break;
  }
  expect((await server.call("DELETE", "/api/v1/namespaces/default")).code).toBe(403);
});

test("Secret: stringData is merged into data, and data must be base64", async () => {
  const path = "/api/v1/namespaces/default/secrets";
  const body = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: unique() },
    data: { a: "YQ==" },
    stringData: { b: "b" },
  };
  const secret = await created(body, path);
  expect(secret).toMatchObject({ type: "Opaque", data: { a: "YQ==", b: "Yg==" } });
  expect(secret.stringData).toBeUndefined();
  const wrong = await server.call("POST", path, {
    body: { ...body, metadata: { name: unique() }, data: { a: "?" } },
  });
  expect(wrong.body).toMatchObject({ code: 400 });
});

test("ConfigMap: immutable stays, and a megabyte is the most", async () => {
  const name = unique();
  await created({ ...configMap(name, { a: "1" }), immutable: true }, configMapsPath);
  const changed = await server.call("PATCH", `${configMapsPath}/${name}`, { body: { data: { a: "2" } } });
  expect(changed.body.message).toContain("field is immutable when `immutable` is set");
  const large = await server.call("POST", configMapsPath, {
    body: configMap(unique(), { a: "x".repeat(1_048_577) }),
  });
  expect(large.body).toMatchObject({ code: 422, reason: "Invalid" });
});

test("list: pages of a limit give everything once", async () => {
  const label = unique();
  for (let at = 0; at < 7; at++)
    await created(configMap(unique(), {}, { labels: { page: label } }), configMapsPath);
  const seen: string[] = [];
  let token = "";
  do {
    const query = `?limit=3&labelSelector=page%3D${label}&continue=${token}`;
    const { body } = await server.call("GET", configMapsPath + query);
    seen.push(...body.items.map((item: { metadata: { name: string } }) => item.metadata.name));
    token = body.metadata.continue ?? "";
  } while (token !== "");
  expect(new Set(seen).size).toBe(7);
  expect(seen).toHaveLength(7);
});

test("list: as Table, as PartialObjectMetadata, as YAML, compressed", async () => {
  const { metadata } = await created(deployment(unique()));
  const query = `${deploymentsPath}?fieldSelector=metadata.name%3D${metadata.name}`;
  const table = await server.call("GET", query, {
    accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
  });
  expect(table.body).toMatchObject({ kind: "Table", rows: [{ object: { kind: "PartialObjectMetadata" } }] });
  expect(table.body.columnDefinitions.map((one: { name: string }) => one.name).slice(0, 5)).toEqual([
    "Name",
    "Ready",
    "Up-to-date",
    "Available",
    "Age",
  ]);
  expect(table.body.rows[0].cells[0]).toBe(metadata.name);
  const partial = await server.call("GET", query, {
    accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
  });
  expect(partial.body).toMatchObject({
    kind: "PartialObjectMetadataList",
    items: [{ metadata: { name: metadata.name } }],
  });
  const yaml = await server.call("GET", query, { accept: "application/yaml" });
  expect(yaml.text).toContain(`name: ${metadata.name}`);
  const none = await server.call("GET", query, { accept: "application/vnd.kubernetes.protobuf" });
  expect(none.body).toMatchObject({ code: 406, reason: "NotAcceptable" });
});

test.each([
  { name: "truncated JSON", body: '{"apiVersion":', type: "application/json", text: "no valid JSON" },
  { name: "a list", body: "[]", type: "application/json", text: "must be an object" },
  { name: "nothing", body: "", type: "application/json", text: "needs a body" },
  {
    name: "bad YAML",
    body: "a: b\n c: [d",
    type: "application/yaml",
    text: "YAML at line 1, column 4: Nested mappings",
  },
  {
    name: "deep nesting",
    body: `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`,
    type: "application/json",
    text: "nested deeper",
  },
  {
    name: "invalid UTF-8",
    body: Buffer.from([0x7b, 0xff, 0x7d]),
    type: "application/json",
    text: "no valid UTF-8",
  },
  {
    name: "another kind",
    body: configMap("x"),
    type: "application/json",
    text: "does not match the expected",
  },
  { name: "no kind", body: {}, type: "application/json", text: "must say its apiVersion" },
  {
    name: "metadata that is text",
    body: { ...deployment("x"), metadata: "x" },
    type: "application/json",
    text: "metadata must be an object",
  },
])("create: 400 for $name", async ({ body, type, text }) => {
  const answer = await server.call("POST", deploymentsPath, { body, type });
  expect(answer.body).toMatchObject({ kind: "Status", code: 400, reason: "BadRequest" });
  expect(answer.body.message).toContain(text);
});

test("create: YAML is taken", async () => {
  const body = `apiVersion: wherry.dev/v1alpha1\nkind: WasmDeployment\nmetadata: {name: ${unique()}}\nspec: {template: {spec: {module: {image: "file:///x"}}}}\n`;
  expect((await server.call("POST", deploymentsPath, { body, type: "application/yaml" })).code).toBe(201);
});

test("create: 413 for more than 3 MiB, 415 for an unknown type", async () => {
  const large = await server.call("POST", configMapsPath, {
    body: configMap("x", { a: "x".repeat(4 * 1024 * 1024) }),
  });
  expect(large.body).toMatchObject({ code: 413, reason: "RequestEntityTooLarge" });
  expect((await server.call("POST", configMapsPath, { body: "x", type: "text/plain" })).code).toBe(415);
});

test.each([
  { method: "GET", path: "/apis/wherry.dev/v1alpha1/nothing", code: 404 },
  { method: "GET", path: "/apis/wherry.dev/v2/wasmdeployments", code: 404 },
  { method: "GET", path: "/nowhere", code: 404 },
  { method: "GET", path: "/%ff", code: 400 },
  { method: "PUT", path: deploymentsPath, code: 405 },
  { method: "POST", path: "/apis/wherry.dev/v1alpha1/wasmdeployments", code: 400 },
  { method: "GET", path: `${deploymentsPath}?labelSelector=a=b=c`, code: 400 },
  { method: "GET", path: `${deploymentsPath}?fieldSelector=spec.x=1`, code: 400 },
  { method: "GET", path: `${deploymentsPath}?limit=many`, code: 400 },
  { method: "GET", path: `${deploymentsPath}?continue=zzz`, code: 400 },
  { method: "GET", path: `${deploymentsPath}?watch=1&sendInitialEvents=true`, code: 422 },
])("$method $path: $code as a Status", async ({ method, path, code }) => {
  const answer = await server.call(method, path, method === "GET" ? {} : { body: {} });
  expect(answer.body).toMatchObject({ kind: "Status", status: "Failure", code });
});

test("discovery: plain and aggregated, with ETags", async () => {
  expect((await server.call("GET", "/api")).body).toMatchObject({ kind: "APIVersions", versions: ["v1"] });
  const { groups } = (await server.call("GET", "/apis")).body;
  expect(groups.map((one: { name: string }) => one.name)).toEqual(
    expect.arrayContaining(["coordination.k8s.io", "scheduling.k8s.io", "wherry.dev", "live.wherry.dev"]),
  );
  const list = await server.call("GET", "/apis/wherry.dev/v1alpha1");
  expect(list.body.resources).toContainEqual(
    expect.objectContaining({ name: "wasmdeployments/scale", kind: "Scale", group: "autoscaling" }),
  );
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
  const aggregated = await server.call("GET", "/apis", { accept });
  expect(aggregated.body).toMatchObject({
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
  });
  const tag = String(aggregated.headers["etag"]);
  expect((await server.call("GET", "/apis", { accept, headers: { "if-none-match": tag } })).code).toBe(304);
});

test("OpenAPI v3: an index whose documents have the kinds", async () => {
  const { body } = await server.call("GET", "/openapi/v3");
  const { serverRelativeURL } = body.paths["apis/wherry.dev/v1alpha1"];
  const document = (await server.call("GET", serverRelativeURL)).body;
  expect(
    document.components.schemas["dev.wherry.v1alpha1.WasmDeployment"]["x-kubernetes-group-version-kind"],
  ).toEqual([{ group: "wherry.dev", version: "v1alpha1", kind: "WasmDeployment" }]);
});

test("large lists are compressed for whoever takes it", async () => {
  await created(configMap(unique(), { a: "x".repeat(300_000) }), configMapsPath);
  const answer = await server.call("GET", configMapsPath, { headers: { "accept-encoding": "gzip" } });
  expect(answer.headers["content-encoding"]).toBe("gzip");
});
