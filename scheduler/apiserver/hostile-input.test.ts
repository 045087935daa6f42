/**
 * Thousands of requests that are wrong in every way that we could think of: each gets an answer that makes sense, and what
 * was refused has changed nothing. WHERRY_HOSTILE_SEED and WHERRY_HOSTILE_REQUESTS try others, and more of them.
 */
import { expect, onTestFailed, test } from "vitest";
import { type Log, silentLog } from "../../kit/log.ts";
import { seededRandom } from "../../kit/random.ts";
import { guards, paths, questions } from "./testing/hostile-guards.ts";
import { type Guard, type HostileRequest, hostileRequest } from "./testing/hostile-requests.ts";
import { Dice } from "./testing/hostile-values.ts";
import { configMap, configMapsPath } from "./testing/manifests.ts";
import { newServiceAccountKey } from "./testing/service-accounts.ts";
import { type Answer, TestServer } from "./testing/test-server.ts";
import { until } from "./testing/until.ts";

const seed = Number(process.env["WHERRY_HOSTILE_SEED"] ?? 3);
const count = Number(process.env["WHERRY_HOSTILE_REQUESTS"] ?? 2_500);

/** Codes of the server's own choosing: nothing went wrong in it. */
const goodCodes = (code: number) => (code >= 200 && code < 500) || code === 503 || code === 504;

function problemOf({ method }: HostileRequest, { code, body, headers, text }: Answer): string | undefined {
  if (!goodCodes(code)) return `code ${code}`;
  if (method === "HEAD" || code === 304) return undefined;
  if (code < 400) {
    const isJson = String(headers["content-type"]).includes("json") && !headers["content-encoding"];
    return isJson && (typeof body !== "object" || body === null) ? "no object" : undefined;
  }
  const isStatus = body?.kind === "Status" && body.apiVersion === "v1" && body.status === "Failure";
  if (!isStatus) return "no Status";
  if (body.code !== code || typeof body.reason !== "string") return "a Status that contradicts itself";
  return text.length > 200_000 ? "a long answer" : undefined;
}

/** An error in the log is a bug, whatever the client was told. */
function watchedLog(errors: unknown[]): Log {
  const log: Log = {
    ...silentLog,
    error: (message, fields) => errors.push({ message, ...fields }),
    bind: () => log,
  };
  return log;
}

async function create({ collection, object }: Guard, server: TestServer): Promise<void> {
  await until(async () => {
    const { code } = await server.call("POST", collection, { body: object });
    // 405: its kind is on its way out, and held by a finalizer.
    return code === 201 || code === 409 || code === 405;
  });
}

/** What is compared: what controllers write by themselves is not. */
async function stateOf({ collection, name }: Guard, server: TestServer): Promise<object | undefined> {
  const { code, body } = await server.call("GET", `${collection}/${name}`);
  if (code !== 200) return undefined;
  const { metadata, status: _, ...rest } = body;
  const { resourceVersion: _version, managedFields: _fields, finalizers: _finalizers, ...kept } = metadata;
  return { ...rest, metadata: kept };
}

/** It may have deleted some before it came to one that it may not delete, as in Kubernetes. */
function deletesMany({ method, path }: HostileRequest, { collection }: Guard): boolean {
  return method === "DELETE" && path.split("?", 1)[0] === collection;
}

function describe({ method, path, headers, body }: HostileRequest): string {
  const shown = body === undefined ? "" : body.toString("utf8").slice(0, 500);
  return `${method} ${path.slice(0, 300)} ${JSON.stringify(headers).slice(0, 300)} ${shown}`;
}

test(
  "the server: hostile requests are answered with sense and change nothing",
  { timeout: 300_000 },
  async () => {
    // oxlint-disable-next-line no-console -- to run it again
    onTestFailed(() => console.log(`seed ${seed}`));
    const errors: unknown[] = [];
    await using server = await TestServer.start({
      log: watchedLog(errors),
      serviceAccountKeys: [newServiceAccountKey()],
    });
    for (const guard of guards) await create(guard, server);
    const all = [...guards, ...guards, ...questions, ...paths];
    const dice = new Dice(seededRandom(seed));
    for (let i = 0; i < count; i++) {
      const guard = dice.pick(all);
      const isKept = guards.includes(guard);
      const request = hostileRequest(dice, guard);
      const before = isKept ? await stateOf(guard, server) : undefined;
      const answer = await server.call(request.method, request.path, { ...request, cutsWatches: true });
      const what = `${describe(request)} -> ${answer.code} ${answer.text.slice(0, 500)}`;
      expect(problemOf(request, answer), what).toBeUndefined();
      expect(errors, what).toEqual([]);
      if (!isKept) continue;
      if (answer.code >= 400 && !deletesMany(request, guard))
        expect(await stateOf(guard, server), what).toEqual(before);
      else if (!(await stateOf(guard, server))) await create(guard, server);
    }
    expect(({} as Readonly<Record<string, unknown>>)["polluted"]).toBeUndefined();
    expect((await server.call("GET", "/readyz")).code).toBe(200);
  },
);

test("the server: more headers than it takes are refused, not dropped", async () => {
  await using server = await TestServer.start();
  const headers = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, "1"]));
  const answer = await server.call("GET", "/version", { headers });
  expect([answer.code, answer.body.message]).toEqual([400, "a request may have 100 headers"]);
});

const kept = `${configMapsPath}/kept`;

test.each([
  { name: "dryRun is a string", body: { dryRun: "All" }, code: 400 },
  { name: "dryRun has a number", body: { dryRun: [1] }, code: 400 },
  { name: "dryRun is something else", body: { dryRun: ["Some"] }, code: 400 },
  { name: "preconditions are a string", body: { preconditions: "uid" }, code: 400 },
  { name: "a precondition is a number", body: { preconditions: { uid: 5 } }, code: 400 },
  { name: "a precondition is a list", body: { preconditions: { resourceVersion: ["1"] } }, code: 400 },
  { name: "the policy is unknown", body: { propagationPolicy: "Sideways" }, code: 422 },
  { name: "the policy is a number", body: { propagationPolicy: 1 }, code: 400 },
  { name: "orphanDependents is a string", body: { orphanDependents: "true" }, code: 400 },
  { name: "both are set", body: { orphanDependents: true, propagationPolicy: "Orphan" }, code: 422 },
  { name: "the grace period is negative", body: { gracePeriodSeconds: -1 }, code: 400 },
  { name: "it is another kind", body: { kind: "ConfigMap", apiVersion: "v1" }, code: 400 },
])("DELETE: nothing is deleted when $name", async ({ body, code }) => {
  await using server = await TestServer.start();
  await server.call("POST", configMapsPath, { body: configMap("kept") });
  expect((await server.call("DELETE", kept, { body })).code).toBe(code);
  expect((await server.call("DELETE", configMapsPath, { body })).code).toBe(code);
  expect((await server.call("GET", kept)).code).toBe(200);
});

test.each([
  { method: "PUT", body: configMap("kept", { a: "2" }) },
  { method: "PATCH", body: { data: { a: "2" } } },
  { method: "DELETE", body: undefined },
])(
  "$method: what cannot be answered in any form that the client takes is not done",
  async ({ method, body }) => {
    await using server = await TestServer.start();
    await server.call("POST", configMapsPath, { body: configMap("kept", { a: "1" }) });
    expect((await server.call(method, kept, { body, accept: "text/html" })).code).toBe(406);
    expect((await server.call("GET", kept)).body.data).toEqual({ a: "1" });
  },
);

test.each(["constructor", "__proto__", "tostring", "application/json"])(
  "PATCH: %s is no kind of patch",
  async (type) => {
    await using server = await TestServer.start();
    await server.call("POST", configMapsPath, { body: configMap("kept") });
    expect((await server.call("PATCH", kept, { body: {}, type })).code).toBe(415);
  },
);

test("GET: one object is got, not watched, by whoever may get", async () => {
  await using server = await TestServer.start();
  await server.call("POST", configMapsPath, { body: configMap("kept") });
  expect((await server.call("GET", `${kept}?watch=true`)).body.kind).toBe("ConfigMap");
});

test("the server: thousands of finalizers cost their number, not its square", async () => {
  await using server = await TestServer.start();
  const finalizers = Array.from({ length: 40_000 }, (_, i) => `f${i.toString(36)}`);
  const created = await server.call("POST", configMapsPath, { body: configMap("kept", {}, { finalizers }) });
  expect(created.code).toBe(201);
  expect((await server.call("DELETE", kept)).code).toBe(200);
  expect((await server.call("PATCH", kept, { body: { data: { a: "1" } } })).code).toBe(200);
});

test.each([
  { name: "labels", metadata: { labels: Object.fromEntries(keys(60_000)) } },
  { name: "annotations", metadata: { annotations: Object.fromEntries(keys(60_000)) } },
  { name: "a label of a megabyte", metadata: { labels: { ["!".repeat(1_000_000)]: "" } } },
])("the server: wrong $name are told of in a bounded answer", async ({ metadata }) => {
  await using server = await TestServer.start();
  const answer = await server.call("POST", configMapsPath, { body: configMap("x", {}, metadata) });
  expect(answer.code).toBe(422);
  expect(answer.text.length).toBeLessThan(200_000);
});

test.each(["application/json", "application/yaml"])(
  "the server: halves of characters become what stands for them (%s)",
  async (type) => {
    await using server = await TestServer.start();
    const body =
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"<\\ud800><\\ud83d\\ude00>"}}';
    const { code } = await server.call("POST", configMapsPath, { body, type });
    expect(code).toBe(201);
    const roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    const role = { metadata: { name: "\ud800" }, rules: [] };
    expect((await server.call("POST", roles, { body: role })).code).toBe(201);
    expect((await server.call("POST", roles, { body: role })).code).toBe(409);
    expect((await server.call("GET", `${configMapsPath}/x`)).body.data).toEqual({ a: "<\ufffd><😀>" });
  },
);

function keys(count: number): readonly (readonly [string, string])[] {
  return Array.from({ length: count }, (_, i) => [`!${i}`, ""]);
}

test.each([
  { name: "a mapping of many keys", text: Array.from({ length: 20_000 }, (_, i) => `k${i}: 1\n`).join("") },
  { name: "keys that are collections", text: "? ".repeat(5_000) },
  { name: "deep nesting", text: "[".repeat(100_000) },
  { name: "aliases of aliases", text: `a: &a [x]\nb: &b [${"*a,".repeat(99)}]\nc: [${"*b,".repeat(99)}]` },
])("the server: YAML with $name is refused, or read as what it is, before long", async ({ text }) => {
  await using server = await TestServer.start();
  const answer = await server.call("POST", configMapsPath, { body: text, type: "application/yaml" });
  expect([400, 413, 422]).toContain(answer.code);
});
