import { expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { JsonObject } from "../resource.ts";
import { ApiError } from "../status.ts";
import { parentEntriesOf, scaleEntriesOf, scaleFieldManager } from "./scale-fields.ts";
import { ownersOf, widget, WidgetServer } from "./testing/apply-scenario.ts";

const replicasPath = ["spec", "replicas"];
const parent = { replicasPath, apiVersion: "example.com/v1" };

function scaleOf(object: ApiObject | undefined, replicas: number): ApiObject {
  const managedFields = scaleEntriesOf(object?.metadata.managedFields, replicasPath);
  return {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: {
      name: "w",
      uid: "u",
      resourceVersion: "1",
      creationTimestamp: "",
      ...(managedFields ? { managedFields } : {}),
    },
    spec: { replicas },
    status: { replicas: 1 },
  };
}

/** The owners of the parent after its Scale was set by an update. */
function scaled(server: WidgetServer, manager: string, from: number, to: number): WidgetServer {
  const { live } = server;
  if (!live) throw new Error("not created");
  const before = scaleOf(live, from);
  const after = scaleFieldManager.trackUpdate(
    before,
    { ...before, spec: { replicas: to } },
    { manager, subresource: "scale", nowMs: 99_000 },
  );
  const managedFields = parentEntriesOf(live.metadata.managedFields, after.metadata.managedFields, parent);
  server.live = {
    ...live,
    spec: { ...(live["spec"] as object), replicas: to },
    metadata: { ...live.metadata, ...(managedFields ? { managedFields } : {}) },
  };
  return server;
}

test("scale: who sets the replicas owns them through the subresource", () => {
  const server = scaled(
    new WidgetServer().apply("a", widget({ spec: { replicas: 1, image: "i" } })),
    "kubectl",
    1,
    3,
  );
  expect(server.owners).toEqual(["a Apply: .spec.image", "kubectl Update/scale: .spec.replicas"]);
  expect(server.conflictOf("a", widget({ spec: { replicas: 1 } }))).toBe(
    'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using example.com/v1: .spec.replicas',
  );
});

test("scale: a second time by the same, and then by another", () => {
  const server = scaled(
    new WidgetServer().update("a", widget({ spec: { replicas: 1, image: "i" } })),
    "k",
    1,
    3,
  );
  expect(scaled(server, "k", 3, 4).owners).toEqual([
    "k Update/scale: .spec.replicas",
    "a Update: .spec .spec.image",
  ]);
  expect(scaled(server, "h", 4, 5).owners).toEqual([
    "h Update/scale: .spec.replicas",
    "a Update: .spec .spec.image",
  ]);
});

test("scale: setting what is set changes no owner", () => {
  const server = new WidgetServer()
    .apply("a", widget({ spec: { replicas: 1, image: "i" } }))
    .update("b", widget({ spec: { replicas: 2, image: "i" } }));
  const before = server.live?.metadata.managedFields;
  expect(scaled(server, "k", 2, 2).live?.metadata.managedFields).toBe(before);
});

test("scale: a manager that owned nothing else is gone", () => {
  expect(scaled(new WidgetServer().apply("a", widget({ spec: { replicas: 1 } })), "k", 1, 2).owners).toEqual([
    "k Update/scale: .spec.replicas",
  ]);
});

test("scale: applying conflicts with who owns the parent's replicas, and shares or takes them", () => {
  const { live } = new WidgetServer().apply("a", widget({ spec: { replicas: 1 } }));
  const config = (replicas: number): JsonObject => ({
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: { name: "w" },
    spec: { replicas },
  });
  const by = { manager: "h", subresource: "scale", nowMs: 99_000 };
  const before = scaleOf(live, 1);
  expect(() => scaleFieldManager.apply(before, config(2), { ...by, force: false })).toThrow(ApiError);
  const owners = (scale: JsonObject) => {
    const { managedFields } = scale["metadata"] as ApiObject["metadata"];
    const entries = parentEntriesOf(live?.metadata.managedFields, managedFields, parent) ?? [];
    return ownersOf({ ...before, metadata: { ...before.metadata, managedFields: entries } });
  };
  expect(owners(scaleFieldManager.apply(before, config(1), { ...by, force: false }))).toEqual([
    "h Apply/scale: .spec.replicas",
    "a Apply: .spec.replicas",
  ]);
  expect(owners(scaleFieldManager.apply(before, config(2), { ...by, force: true }))).toEqual([
    "h Apply/scale: .spec.replicas",
  ]);
});

test("scaleEntriesOf: whoever does not own the replicas is not shown", () => {
  const { live } = new WidgetServer().apply("a", widget({ spec: { image: "i" } }));
  expect(scaleEntriesOf(live?.metadata.managedFields, replicasPath)).toBeUndefined();
  expect(scaleEntriesOf("garbage", replicasPath)).toBeUndefined();
});
