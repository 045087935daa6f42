import { expect, test } from "vitest";
import type { Endpoint, Teaching } from "../control.ts";
import { Knowledge } from "./knowledge.ts";

const endpoint = (uid: string, port = 1): Teaching => ({
  kind: "endpoint",
  endpoint: {
    uid,
    namespace: "default",
    name: uid,
    workload: "w",
    templateHash: "h",
    reach: { kind: "listener", address: "127.0.0.1", port },
    concurrency: 1,
    timeoutMs: 1,
    bodyBytesMax: 1,
    functions: false,
  } satisfies Endpoint,
});
const route = (uid: string, name = uid): Teaching => ({
  kind: "route",
  route: { uid, namespace: "default", name, createdMs: 0, hostnames: ["*"], rules: [] },
});
const workload = (uid: string): Teaching => ({
  kind: "workload",
  workload: { uid, namespace: "default", kind: "WasmDeployment", name: uid, wakes: false, nodes: [] },
});
const certificate = (name: string): Teaching => ({
  kind: "certificate",
  certificate: { name, chainPem: "c", keyPem: "k" },
});

function snapshot(knowledge: Knowledge, ...messages: readonly Teaching[]): readonly Teaching[] {
  knowledge.begin();
  const passed = messages.flatMap((message) => knowledge.take(message));
  expect(passed).toEqual([]);
  return knowledge.end();
}

test("Knowledge: a first snapshot passes on all of it, what routes name before the routes", () => {
  const told = snapshot(new Knowledge(), route("r"), endpoint("e"), workload("w"), certificate("c"));
  expect(told.map(({ kind }) => kind)).toEqual(["certificate", "workload", "endpoint", "route"]);
});

test("Knowledge: the same snapshot again passes on nothing", () => {
  const knowledge = new Knowledge();
  snapshot(knowledge, route("r"), endpoint("e"), workload("w"));
  expect(snapshot(knowledge, workload("w"), endpoint("e"), route("r"))).toEqual([]);
});

test("Knowledge: a snapshot takes away what it does not name, routes first, and changes what is different", () => {
  const knowledge = new Knowledge();
  snapshot(knowledge, route("r"), route("s"), endpoint("e"), endpoint("f"), workload("w"), certificate("c"));
  expect(snapshot(knowledge, route("s", "renamed"), endpoint("f", 2))).toEqual([
    endpoint("f", 2),
    route("s", "renamed"),
    { kind: "routeGone", uid: "r" },
    { kind: "endpointGone", uid: "e" },
    { kind: "workloadGone", uid: "w" },
    { kind: "certificateGone", name: "c" },
  ]);
});

test("Knowledge: changes pass at once, and a repetition passes not at all", () => {
  const knowledge = new Knowledge();
  expect(knowledge.take(endpoint("e"))).toEqual([endpoint("e")]);
  expect(knowledge.take(endpoint("e"))).toEqual([]);
  expect(knowledge.take({ kind: "drain", uid: "e" })).toEqual([{ kind: "drain", uid: "e" }]);
  expect(knowledge.take(endpoint("e"))).toEqual([endpoint("e")]);
});

test("Knowledge: a drain that is told again passes again, as the one who waits for it may be another", () => {
  const knowledge = new Knowledge();
  const drain: Teaching = { kind: "drain", uid: "e" };
  expect(knowledge.take(drain)).toEqual([drain]);
  expect(knowledge.take(drain)).toEqual([drain]);
});

test("Knowledge: half a snapshot changes nothing", () => {
  const knowledge = new Knowledge();
  snapshot(knowledge, route("r"), endpoint("e"));
  knowledge.begin();
  knowledge.take(route("other"));
  knowledge.abandon();
  expect(knowledge.end()).toEqual([]);
  expect(snapshot(knowledge, route("r"), endpoint("e"))).toEqual([]);
});

test("Knowledge: within a snapshot a later word holds", () => {
  const knowledge = new Knowledge();
  expect(
    snapshot(knowledge, endpoint("e", 1), endpoint("e", 2), endpoint("f"), { kind: "drain", uid: "f" }),
  ).toEqual([endpoint("e", 2)]);
});
