import { expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { JsonObject } from "../resource.ts";
import { FieldManager } from "./field-manager.ts";
import { widget, widgetParts, WidgetServer } from "./testing/apply-scenario.ts";

const spec = (parts: JsonObject) => widget({ spec: parts });

test("apply: an object from before anybody tracked it belongs to before-first-apply", () => {
  const server = new WidgetServer();
  server.live = {
    ...widget(
      { spec: { replicas: 1, image: "i" }, status: { phase: "On" } },
      { uid: "u", resourceVersion: "1" },
    ),
  } as unknown as ApiObject;
  server.change("u", { spec: { replicas: 2, image: "i" } });
  expect(server.owners).toEqual([]);
  expect(server.conflictOf("a", spec({ replicas: 3 }))).toContain(
    'conflict with "before-first-apply" using example.com/v1: .spec.replicas',
  );
  server.apply("a", spec({ replicas: 2 }));
  expect(server.owners).toEqual([
    "a Apply: .spec.replicas",
    "before-first-apply Update: .spec .spec.image .spec.replicas",
  ]);
});

test.each([
  { name: "an empty list", managedFields: [] },
  { name: "a list of nothing", managedFields: [{}] },
])("trackUpdate: $name forgets all owners", ({ managedFields }) => {
  const server = new WidgetServer().apply("a", spec({ replicas: 1 }));
  server.update("b", widget({ spec: { replicas: 2 } }, { managedFields }));
  expect(server.live?.metadata).not.toHaveProperty("managedFields");
  server.apply("c", spec({ replicas: 2 }));
  expect(server.owners).toEqual([
    "c Apply: .spec.replicas",
    "before-first-apply Update: .spec .spec.replicas",
  ]);
});

test("trackUpdate: well-formed managedFields of a client are taken, as kubectl's migration to --server-side needs", () => {
  const server = new WidgetServer().update("kubectl-client-side-apply", spec({ replicas: 1, image: "i" }));
  const [entry] = server.live?.metadata.managedFields ?? [];
  const moved = { ...(entry as object), manager: "kubectl", operation: "Apply" };
  server.update("kubectl", widget({ spec: server.spec }, { managedFields: [moved] }));
  expect(server.owners).toEqual(["kubectl Apply: .spec .spec.image .spec.replicas"]);
  server.apply("kubectl", spec({ image: "j" }));
  expect(server.spec).toEqual({ image: "j" });
});

const entry = {
  manager: "x",
  operation: "Apply",
  apiVersion: "example.com/v1",
  fieldsType: "FieldsV1",
  fieldsV1: { "f:spec": {} },
};

test.each([
  { name: "another operation", managedFields: [{ ...entry, operation: "Steal" }] },
  { name: "no operation", managedFields: [{ ...entry, operation: undefined }] },
  { name: "no apiVersion", managedFields: [{ ...entry, apiVersion: "" }] },
  { name: "no fieldsType", managedFields: [{ ...entry, fieldsType: undefined }] },
  { name: "another fieldsType", managedFields: [{ ...entry, fieldsType: "FieldsV2" }] },
  { name: "no path elements", managedFields: [{ ...entry, fieldsV1: { spec: {} } }] },
  { name: "fields that are no object", managedFields: [{ ...entry, fieldsV1: "f:spec" }] },
  { name: "a time that is none", managedFields: [{ ...entry, time: "yesterday" }] },
  { name: "a manager that is no text", managedFields: [{ ...entry, manager: 3 }] },
  { name: "an entry that is no object", managedFields: ["x"] },
  { name: "no list", managedFields: "x" },
  { name: "one bad entry among good ones", managedFields: [entry, null] },
])("trackUpdate: managedFields with $name are ignored", ({ managedFields }) => {
  const server = new WidgetServer().apply("a", spec({ replicas: 1 }));
  const before = server.live?.metadata.managedFields;
  server.update("b", widget({ spec: { replicas: 1 } }, { managedFields }));
  expect(server.live?.metadata.managedFields).toBe(before);
});

test("trackUpdate: managedFields of a client that writes a subresource do not count", () => {
  const server = new WidgetServer().apply("a", spec({ replicas: 1 }));
  server.update(
    "b",
    { ...server.live, metadata: { ...server.live?.metadata, managedFields: [] }, status: { phase: "On" } },
    "status",
  );
  expect(server.owners).toEqual(["a Apply: .spec.replicas", "b Update/status: .status .status.phase"]);
});

test("trackUpdate: a create keeps owners that were restored with the object only as far as it does not own it itself", () => {
  const server = new WidgetServer().update(
    "restore",
    widget(
      { spec: { replicas: 1 } },
      { managedFields: [{ ...entry, fieldsV1: { "f:spec": { "f:replicas": {}, "f:gone": {} } } }] },
    ),
  );
  expect(server.owners).toEqual(["x Apply: .spec.gone", "restore Update: .spec .spec.replicas"]);
});

test("trackUpdate: entries of versions that are not served go", () => {
  const server = new WidgetServer();
  server.fields = new FieldManager({
    ...widgetParts,
    servedVersions: ["example.com/v1", "example.com/v1beta1"],
  });
  const managedFields = [
    entry,
    { ...entry, manager: "y", apiVersion: "example.com/v1beta1" },
    { ...entry, manager: "z", apiVersion: "example.com/v0" },
  ];
  server.apply("a", spec({})).update("b", widget({ spec: { image: "i" } }, { managedFields }));
  expect(server.owners).toEqual(["x Apply: .spec", "y Apply: .spec", "b Update: .spec.image"]);
});

test("trackUpdate: after ten updaters the oldest become one", () => {
  const server = new WidgetServer().apply("a", spec({}));
  for (let at = 0; at < 12; at++)
    server.change(`u${at}`, { spec: { env: Array.from({ length: at + 1 }, (_, n) => ({ name: `e${n}` })) } });
  const managers = server.owners.map((line) => line.split(":")[0]);
  expect(managers).toEqual([
    "a Apply",
    "ancient-changes Update",
    ...Array.from({ length: 9 }, (_, at) => `u${at + 3} Update`),
  ]);
  expect(server.owners[1]).toBe(
    'ancient-changes Update: .spec.env .spec.env[name="e0"] .spec.env[name="e1"] .spec.env[name="e2"] .spec.env[name="e0"].name .spec.env[name="e1"].name .spec.env[name="e2"].name',
  );
  expect(server.live?.metadata.managedFields?.[1]).toMatchObject({ time: "1970-01-01T00:00:04Z" });
});

test("trackUpdate: ten thousand managers are slow at worst, and all kept", () => {
  const managedFields = Array.from({ length: 10_000 }, (_, at) => ({ ...entry, manager: `m${at}` }));
  const server = new WidgetServer().apply("a", spec({ replicas: 1 }));
  server.update("b", widget({ spec: { replicas: 1 } }, { managedFields }));
  server.apply("c", spec({ replicas: 1 }));
  expect(server.live?.metadata.managedFields).toHaveLength(10_001);
});

test("trackUpdate: ten thousand updaters become ten, those of each version in one", () => {
  const managedFields = Array.from({ length: 10_000 }, (_, at) => ({
    ...entry,
    operation: "Update",
    manager: `m${at}`,
    apiVersion: at % 2 === 0 ? "example.com/v1" : "example.com/v2",
    time: "2020-01-01T00:00:00Z",
    fieldsV1: { "f:spec": { "f:env": { [`k:{"name":"e${at}"}`]: {} } } },
  }));
  const server = new WidgetServer().update("a", spec({ replicas: 1 }));
  server.update("b", widget({ spec: { replicas: 2 } }, { managedFields }));
  const entries = server.live?.metadata.managedFields as readonly JsonObject[];
  expect(entries).toHaveLength(10);
  const buckets = entries.filter(({ manager }) => manager === "ancient-changes");
  expect(buckets.map(({ apiVersion }) => apiVersion)).toEqual(["example.com/v1", "example.com/v2"]);
});
