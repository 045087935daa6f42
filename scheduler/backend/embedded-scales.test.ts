import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer } from "../apiserver/testing/test-server.ts";
import { crd, version } from "../apiserver/testing/crds.ts";
import type { ScaleBackend, ScaleReading, ScaleReference } from "./scale-backend.ts";

const deployments = "/apis/wherry.dev/v1alpha1/namespaces/default/wasmdeployments";

let server: TestServer;
let scales: ScaleBackend;
beforeAll(async () => {
  server = await TestServer.start();
  ({ scales } = server.api);
});
afterAll(() => server[Symbol.asyncDispose]());

function reference(
  name: string,
  kind = "WasmDeployment",
  apiVersion = "wherry.dev/v1alpha1",
): ScaleReference {
  return { apiVersion, kind, namespace: "default", name };
}

async function declare(name: string, replicas = 3) {
  const answer = await server.call("POST", deployments, {
    body: {
      apiVersion: "wherry.dev/v1alpha1",
      kind: "WasmDeployment",
      metadata: { name },
      spec: { replicas, template: { spec: { module: { image: "file:///m.wasm" } } } },
    },
  });
  expect(answer.code).toBe(201);
  return answer.body;
}

function found(reading: ScaleReading) {
  if (reading.kind !== "found") throw new Error(`${reading.kind}: ${reading.message}`);
  return reading.scale;
}

test("EmbeddedScales.read: what the scale subresource shows", async () => {
  const { metadata } = await declare("shown");
  expect(await scales.read(reference("shown"))).toEqual({
    kind: "found",
    scale: {
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      specReplicas: 3,
      statusReplicas: 0,
      selector: "",
    },
  });
});

test.each([
  {
    name: "a kind that is not there",
    given: reference("x", "Nothing"),
    kind: "noKind",
    says: /no kind Nothing of apiVersion wherry.dev/,
  },
  {
    name: "Kubernetes' kind",
    given: reference("x", "Deployment", "apps/v1"),
    kind: "noKind",
    says: /no kind Deployment of apiVersion apps\/v1; did you mean WasmDeployment of wherry.dev\/v1alpha1\?/,
  },
  {
    name: "a version that is not there",
    given: reference("x", "WasmDeployment", "wherry.dev/v9"),
    kind: "noKind",
    says: /wherry.dev\/v9/,
  },
  {
    name: "a kind without scale",
    given: reference("x", "WasmJob"),
    kind: "noScale",
    says: /no scale subresource/,
  },
  {
    name: "a kind in no namespace",
    given: reference("x", "WasmNode"),
    kind: "noScale",
    says: /cannot be scaled/,
  },
  {
    name: "a name that is not there",
    given: reference("nobody"),
    kind: "notFound",
    says: /no WasmDeployment "nobody" in namespace "default"/,
  },
  {
    name: "a name that is a path",
    given: reference("../../secrets/x"),
    kind: "notFound",
    says: /no WasmDeployment/,
  },
])("EmbeddedScales.read: $name is $kind", async ({ given, kind, says }) => {
  const reading = await scales.read(given);
  expect(reading).toMatchObject({ kind, message: expect.stringMatching(says) });
  expect(
    await scales.write(
      given,
      { uid: "u", resourceVersion: "1", specReplicas: 0, statusReplicas: 0, selector: "" },
      1,
    ),
  ).toEqual({
    kind: "notFound",
  });
});

test("EmbeddedScales.write: as the scale subresource does, by a manager of its own", async () => {
  const { metadata } = await declare("written");
  using watch = server.watch(
    `${deployments}?watch=true&fieldSelector=metadata.name=written&resourceVersion=${metadata.resourceVersion}`,
  );
  const outcome = await scales.write(reference("written"), found(await scales.read(reference("written"))), 7);
  expect(outcome).toMatchObject({ kind: "written", scale: { specReplicas: 7, uid: metadata.uid } });
  const event = await watch.next();
  expect(event).toMatchObject({
    type: "MODIFIED",
    object: { spec: { replicas: 7 }, metadata: { generation: 2 } },
  });
  const owner = event?.object.metadata.managedFields.find(
    ({ manager }: { manager: string }) => manager === "wherry-autoscaler",
  );
  expect(owner).toMatchObject({
    operation: "Update",
    subresource: "scale",
    fieldsV1: { "f:spec": { "f:replicas": {} } },
  });
});

test("EmbeddedScales.write: what has changed since it was read is a conflict, and stays as it is", async () => {
  const { metadata } = await declare("contested");
  const scale = found(await scales.read(reference("contested")));
  await server.call("PATCH", `${deployments}/contested`, { body: { spec: { replicas: 9 } } });
  expect(await scales.write(reference("contested"), scale, 0)).toEqual({ kind: "conflict" });
  expect(found(await scales.read(reference("contested"))).specReplicas).toBe(9);
  await server.call("DELETE", `${deployments}/contested`);
  expect(await scales.write(reference("contested"), scale, 0)).toEqual({ kind: "notFound" });
  await declare("contested", 2);
  expect(await scales.write(reference("contested"), scale, 0)).toEqual({ kind: "conflict" });
  expect(found(await scales.read(reference("contested"))).uid).not.toBe(metadata.uid);
});

test("EmbeddedScales.write: what validation does not allow is refused with its words", async () => {
  await declare("checked");
  const scale = found(await scales.read(reference("checked")));
  expect(await scales.write(reference("checked"), scale, 3_000_000)).toMatchObject({
    kind: "refused",
    message: expect.stringMatching(/spec.replicas/),
  });
  expect(found(await scales.read(reference("checked"))).specReplicas).toBe(3);
});

test("EmbeddedScales.watch: told of numbers and of nothing else, until it is disposed of", async () => {
  const { metadata } = await declare("watched");
  const told: string[] = [];
  const watch = scales.watch(reference("watched"), () => told.push("changed"));
  using _other = scales.watch(reference("elsewhere"), () => told.push("other"));
  await server.call("PATCH", `${deployments}/watched`, { body: { metadata: { labels: { a: "b" } } } });
  expect(told).toEqual([]);
  await server.call("PATCH", `${deployments}/watched`, { body: { spec: { replicas: 4 } } });
  await server.call("PATCH", `${deployments}/watched/status`, { body: { status: { replicas: 2 } } });
  expect(told).toEqual(["changed", "changed"]);
  await server.call("DELETE", `${deployments}/watched`);
  expect((await declare("watched")).metadata.uid).not.toBe(metadata.uid);
  expect(told).toHaveLength(4);
  watch[Symbol.dispose]();
  watch[Symbol.dispose]();
  await server.call("PATCH", `${deployments}/watched`, { body: { spec: { replicas: 8 } } });
  expect(told).toHaveLength(4);
});

test("EmbeddedScales: kinds of users, from their definition until it is gone", async () => {
  const boat = reference("tub", "Boat", "example.com/v1");
  const path = "/apis/example.com/v1/namespaces/default/boats";
  const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const told: string[] = [];
  using _watch = scales.watch(boat, () => told.push("changed"));
  expect(await scales.read(boat)).toMatchObject({ kind: "noKind" });
  const schema = {
    openAPIV3Schema: {
      type: "object",
      properties: {
        spec: { type: "object", properties: { crew: { type: "integer", minimum: 1, maximum: 5 } } },
        status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
  };
  const scale = {
    specReplicasPath: ".spec.crew",
    statusReplicasPath: ".status.aboard",
    labelSelectorPath: ".status.selector",
  };
  const versions = [version({ schema, subresources: { status: {}, scale } })];
  expect((await server.call("POST", definitions, { body: crd({ versions }) })).code).toBe(201);
  await expect.poll(() => told.length).toBeGreaterThan(0);
  await expect
    .poll(
      async () =>
        (
          await server.call("POST", path, {
            body: {
              apiVersion: "example.com/v1",
              kind: "Boat",
              metadata: { name: "tub" },
              spec: { crew: 2 },
            },
          })
        ).code,
    )
    .toBe(201);
  await server.call("PATCH", `${path}/tub/status`, {
    body: { status: { aboard: "many", selector: "boat=tub" } },
  });
  // A status may say anything; nobody is aboard then.
  expect(found(await scales.read(boat))).toMatchObject({
    specReplicas: 2,
    statusReplicas: 0,
    selector: "boat=tub",
  });
  expect(await scales.write(boat, found(await scales.read(boat)), 4)).toMatchObject({ kind: "written" });
  expect(await scales.write(boat, found(await scales.read(boat)), 6)).toMatchObject({ kind: "refused" });
  // Nothing stands in for a number that its object does not have: it would be set.
  await server.call("POST", path, {
    body: { apiVersion: "example.com/v1", kind: "Boat", metadata: { name: "raft" }, spec: {} },
  });
  expect(await scales.read({ ...boat, name: "raft" })).toMatchObject({
    kind: "noScale",
    message: expect.stringMatching(/its field spec.crew is not set/),
  });
  const before = told.length;
  await server.call("DELETE", `${definitions}/boats.example.com`);
  await expect.poll(async () => (await scales.read(boat)).kind).toBe("noKind");
  expect(told.length).toBeGreaterThan(before);
});
