import { expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { JsonObject, Schema } from "../resource.ts";
import { ApiError } from "../status.ts";
import { FieldManager, keepTimes } from "./field-manager.ts";
import { ownersOf, widget, widgetParts, widgetSchema, WidgetServer } from "./testing/apply-scenario.ts";

const by = { manager: "a", subresource: "", nowMs: 0, force: false };

test("apply: what is applied to nothing is created and owned", () => {
  const server = new WidgetServer().apply(
    "a",
    widget({ spec: { replicas: 1, env: [{ name: "x", value: "1" }] } }, { labels: { l: "1" } }),
  );
  expect(server.owners).toEqual([
    'a Apply: .metadata.labels.l .spec.replicas .spec.env[name="x"] .spec.env[name="x"].name .spec.env[name="x"].value',
  ]);
  expect(server.live?.metadata.managedFields).toEqual([
    {
      manager: "a",
      operation: "Apply",
      apiVersion: "example.com/v1",
      time: "1970-01-01T00:00:01Z",
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:metadata": { "f:labels": { "f:l": {} } },
        "f:spec": {
          "f:env": { 'k:{"name":"x"}': { ".": {}, "f:name": {}, "f:value": {} } },
          "f:replicas": {},
        },
      },
    },
  ]);
});

test("trackUpdate: who creates an object owns all that is in it, and the maps and lists that hold it", () => {
  const server = new WidgetServer().update(
    "a",
    widget({ spec: { zones: ["z"], selector: { s: "1" } } }, { labels: { l: "1" } }),
  );
  expect(server.owners).toEqual([
    'a Update: .spec .metadata.labels .metadata.labels.l .spec.selector .spec.zones .spec.zones[="z"]',
  ]);
});

test("trackUpdate: what a kind always has is not owned by who creates it", () => {
  const fields = new FieldManager({ ...widgetParts, emptyObject: { spec: {}, status: {} } });
  const object = widget({ spec: { image: "i" } }) as unknown as ApiObject;
  expect(ownersOf(fields.trackUpdate(undefined, object, by))).toEqual(["a Update: .spec.image"]);
});

interface Scenario {
  readonly name: string;
  readonly run: (server: WidgetServer) => WidgetServer;
  readonly spec: unknown;
  readonly owners: readonly string[];
}

const spec = (parts: JsonObject) => widget({ spec: parts });

test.each<Scenario>([
  {
    name: "two share what they agree on",
    run: (s) => s.apply("a", spec({ replicas: 1 })).apply("b", spec({ replicas: 1, image: "i" })),
    spec: { replicas: 1, image: "i" },
    owners: ["a Apply: .spec.replicas", "b Apply: .spec.image .spec.replicas"],
  },
  {
    name: "force takes a field from who owns it",
    run: (s) =>
      s.apply("a", spec({ replicas: 1, image: "i" })).apply("b", spec({ replicas: 2 }), { force: true }),
    spec: { replicas: 2, image: "i" },
    owners: ["a Apply: .spec.image", "b Apply: .spec.replicas"],
  },
  {
    name: "a manager that owns nothing any more is gone",
    run: (s) => s.apply("a", spec({ replicas: 1 })).apply("b", spec({ replicas: 2 }), { force: true }),
    spec: { replicas: 2 },
    owners: ["b Apply: .spec.replicas"],
  },
  {
    name: "a field that its owner no longer applies goes",
    run: (s) => s.apply("a", spec({ replicas: 1, image: "i" })).apply("a", spec({ image: "i" })),
    spec: { image: "i" },
    owners: ["a Apply: .spec.image"],
  },
  {
    name: "a field that another owner still applies stays",
    run: (s) =>
      s
        .apply("a", spec({ replicas: 1, image: "i" }))
        .apply("b", spec({ replicas: 1 }))
        .apply("a", spec({ image: "i" })),
    spec: { replicas: 1, image: "i" },
    owners: ["b Apply: .spec.replicas", "a Apply: .spec.image"],
  },
  {
    name: "ownership is handed over: the autoscaler of the documentation",
    run: (s) =>
      s
        .apply("user", spec({ replicas: 1, image: "i" }))
        .apply("autoscaler", spec({ replicas: 1 }))
        .apply("user", spec({ image: "i" }))
        .apply("autoscaler", spec({ replicas: 5 })),
    spec: { replicas: 5, image: "i" },
    owners: ["user Apply: .spec.image", "autoscaler Apply: .spec.replicas"],
  },
  {
    name: "an update takes without asking",
    run: (s) =>
      s.apply("a", spec({ replicas: 1, image: "i" })).change("u", { spec: { replicas: 3, image: "i" } }),
    spec: { replicas: 3, image: "i" },
    owners: ["a Apply: .spec.image", "u Update: .spec.replicas"],
  },
  {
    name: "apply and update of one name are two managers",
    run: (s) => s.apply("a", spec({ replicas: 1 })).change("a", { spec: { replicas: 1, image: "i" } }),
    spec: { replicas: 1, image: "i" },
    owners: ["a Apply: .spec.replicas", "a Update: .spec.image"],
  },
  {
    name: "an applier's removal leaves what an updater owns",
    run: (s) =>
      s
        .apply("a", spec({ size: { cpu: "1" } }))
        .change("u", { spec: { size: { cpu: "1", memory: "2" } } })
        .apply("a", spec({})),
    spec: { size: { memory: "2" } },
    owners: ["a Apply: .spec", "u Update: .spec.size.memory"],
  },
  {
    name: "what an update removes nobody owns",
    run: (s) => s.apply("a", spec({ replicas: 1, image: "i" })).change("u", { spec: { image: "i" } }),
    spec: { image: "i" },
    owners: ["a Apply: .spec.image"],
  },
  {
    name: "items of a set belong to who applies them",
    run: (s) =>
      s
        .apply("a", spec({ zones: ["x", "y"] }))
        .apply("b", spec({ zones: ["y", "z"] }))
        .apply("a", spec({ zones: ["x"] })),
    spec: { zones: ["x", "y", "z"] },
    owners: ['a Apply: .spec.zones[="x"]', 'b Apply: .spec.zones[="y"] .spec.zones[="z"]'],
  },
  {
    name: "an item of a set that its only owner no longer applies goes",
    run: (s) => s.apply("a", spec({ zones: ["x", "y"] })).apply("a", spec({ zones: ["y"] })),
    spec: { zones: ["y"] },
    owners: ['a Apply: .spec.zones[="y"]'],
  },
  {
    name: "items of a keyed list are merged by their keys",
    run: (s) =>
      s
        .apply("a", spec({ env: [{ name: "x", value: "1" }] }))
        .apply("b", spec({ env: [{ name: "y", value: "2" }] }))
        .apply("a", spec({ env: [{ name: "x", value: "3" }] })),
    spec: {
      env: [
        { name: "x", value: "3" },
        { name: "y", value: "2" },
      ],
    },
    owners: [
      'b Apply: .spec.env[name="y"] .spec.env[name="y"].name .spec.env[name="y"].value',
      'a Apply: .spec.env[name="x"] .spec.env[name="x"].name .spec.env[name="x"].value',
    ],
  },
  {
    name: "a field of an item goes, the item stays",
    run: (s) =>
      s.apply("a", spec({ env: [{ name: "x", value: "1" }] })).apply("a", spec({ env: [{ name: "x" }] })),
    spec: { env: [{ name: "x" }] },
    owners: ['a Apply: .spec.env[name="x"] .spec.env[name="x"].name'],
  },
  {
    name: "an atomic list belongs to one as a whole",
    run: (s) => s.apply("a", spec({ args: ["1"] })).apply("b", spec({ args: ["2", "3"] }), { force: true }),
    spec: { args: ["2", "3"] },
    owners: ["b Apply: .spec.args"],
  },
  {
    name: "an atomic map belongs to one as a whole",
    run: (s) =>
      s
        .apply("a", spec({ selector: { x: "1" } }))
        .apply("b", spec({ selector: { y: "2" } }), { force: true }),
    spec: { selector: { y: "2" } },
    owners: ["b Apply: .spec.selector"],
  },
  {
    name: "the last field of a map takes the map with it",
    run: (s) => s.apply("a", spec({ image: "i", size: { cpu: "1" } })).apply("a", spec({ image: "i" })),
    spec: { image: "i" },
    owners: ["a Apply: .spec.image"],
  },
])("apply: $name", ({ run, spec: wanted, owners }) => {
  const server = run(new WidgetServer());
  expect(server.spec).toEqual(wanted);
  expect(server.owners).toEqual(owners);
});

test.each([
  {
    name: "one field of an updater",
    before: (s: WidgetServer) => s.update("kubectl-client-side-apply", spec({ replicas: 1 })),
    config: spec({ replicas: 2 }),
    message:
      'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using example.com/v1: .spec.replicas',
  },
  {
    name: "one field of an applier",
    before: (s: WidgetServer) => s.apply("b", spec({ image: "i" })),
    config: spec({ image: "j" }),
    message: 'Apply failed with 1 conflict: conflict with "b": .spec.image',
  },
  {
    name: "several fields of several managers",
    before: (s: WidgetServer) =>
      s
        .apply("c", spec({ image: "i", env: [{ name: "x", value: "1" }] }))
        .update("b", { ...spec({ image: "i", env: [{ name: "x", value: "1" }], args: ["1"] }) }),
    config: spec({ image: "j", env: [{ name: "x", value: "2" }], args: [] }),
    message: [
      'Apply failed with 3 conflicts: conflicts with "b" using example.com/v1:',
      "- .spec.args",
      'conflicts with "c":',
      "- .spec.image",
      '- .spec.env[name="x"].value',
    ].join("\n"),
  },
  {
    name: "an atomic list",
    before: (s: WidgetServer) => s.apply("b", spec({ args: ["1", "2"] })),
    config: spec({ args: ["1"] }),
    message: 'Apply failed with 1 conflict: conflict with "b": .spec.args',
  },
  {
    name: "none where only other items of a set are applied",
    before: (s: WidgetServer) => s.apply("b", spec({ zones: ["x"] })),
    config: spec({ zones: ["y"] }),
    message: "",
  },
  {
    name: "none where the value is the same",
    before: (s: WidgetServer) => s.apply("b", spec({ image: "i" })),
    config: spec({ image: "i" }),
    message: "",
  },
])("apply: conflicts: $name", ({ before, config, message }) => {
  const server = before(new WidgetServer());
  const { live } = server;
  expect(server.conflictOf("a", config)).toBe(message);
  expect(server.live).toBe(live);
});

test("apply: a conflict is a 409 Conflict that lists every field", () => {
  const server = new WidgetServer().update("kube", spec({ replicas: 1, image: "i" }));
  const thrown = errorOf(() => server.apply("a", spec({ replicas: 2, image: "j" })));
  expect(thrown.toStatus()).toMatchObject({
    status: "Failure",
    reason: "Conflict",
    code: 409,
    details: {
      causes: [
        {
          reason: "FieldManagerConflict",
          message: 'conflict with "kube" using example.com/v1',
          field: ".spec.image",
        },
        {
          reason: "FieldManagerConflict",
          message: 'conflict with "kube" using example.com/v1',
          field: ".spec.replicas",
        },
      ],
    },
  });
});

test("apply: names the subresource of who owns a field", () => {
  const server = new WidgetServer().apply("a", spec({})).change("c", { status: { phase: "On" } }, "status");
  expect(server.conflictOf("a", widget({ status: { phase: "Off" } }), "status")).toBe(
    'Apply failed with 1 conflict: conflict with "c" with subresource "status" using example.com/v1: .status.phase',
  );
});

test("apply: status belongs to the subresource, the rest to the object", () => {
  const server = new WidgetServer()
    .apply("a", widget({ spec: { image: "i" }, status: { phase: "ignored" } }))
    .apply(
      "a",
      widget(
        { spec: { image: "ignored" }, status: { conditions: [{ type: "Ready", status: "True" }] } },
        { labels: { ignored: "1" } },
      ),
      { subresource: "status" },
    );
  expect(server.owners).toEqual([
    "a Apply: .spec.image",
    'a Apply/status: .status.conditions[type="Ready"] .status.conditions[type="Ready"].status .status.conditions[type="Ready"].type',
  ]);
  expect(server.live).toMatchObject({
    spec: { image: "i" },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  });
  expect(server.live?.metadata.labels).toBeUndefined();
  server.apply("a", widget({ spec: { image: "j" } }));
  expect(server.live).toMatchObject({ spec: { image: "j" }, status: { conditions: [{ type: "Ready" }] } });
  server.apply("a", widget({ status: {} }), { subresource: "status" });
  expect(server.live).toMatchObject({ spec: { image: "j" } });
  expect(server.live?.["status"]).toEqual({});
});

test("apply: a status that its only owner no longer applies goes", () => {
  const server = new WidgetServer()
    .apply("a", widget({ spec: { image: "i" } }))
    .apply("a", widget({ status: { phase: "On" } }), { subresource: "status" })
    .apply("a", widget({}), { subresource: "status" });
  expect(server.live).not.toHaveProperty("status");
  expect(server.owners).toEqual(["a Apply: .spec.image"]);
});

test("trackUpdate: an update of the status owns nothing of the rest, and the other way round", () => {
  const server = new WidgetServer()
    .update("a", widget({ spec: { image: "i" } }))
    .change("b", { spec: { image: "j" }, status: { phase: "On" } }, "status")
    .change("c", { spec: { image: "k" }, status: { phase: "Off" } });
  expect(server.owners).toEqual([
    "a Update: .spec",
    "b Update/status: .status .status.phase",
    "c Update: .spec.image",
  ]);
});

test("apply: the same again gives back the live object itself", () => {
  const config = widget({ spec: { replicas: 1, zones: ["a"], size: {} } }, { labels: { l: "1" } });
  const server = new WidgetServer()
    .apply("a", config)
    .change("u", { spec: { replicas: 1, zones: ["a"], size: {}, image: "i" } });
  const { live } = server;
  server.apply("a", config).apply("a", structuredClone(config), { force: true });
  expect(server.live).toBe(live);
});

test("trackUpdate: an update that changes nothing keeps the managedFields, times and all", () => {
  const server = new WidgetServer()
    .apply("a", spec({ replicas: 1 }))
    .change("b", { spec: { replicas: 1, image: "i" } });
  const before = server.live?.metadata.managedFields;
  server.change("c", {});
  expect(server.live?.metadata.managedFields).toBe(before);
  server.change("c", { spec: { replicas: 1, image: "j" } });
  expect(server.live?.metadata.managedFields?.[0]).toBe(before?.[0]);
});

test("apply: a new owner that changes nothing has no time; one that does, and then does not, keeps its", () => {
  const server = new WidgetServer().apply("a", spec({ replicas: 1 })).apply("b", spec({ replicas: 1 }));
  const times = () => server.live?.metadata.managedFields?.map((entry) => (entry as JsonObject)["time"]);
  expect(times()).toEqual([undefined, "1970-01-01T00:00:01Z"]);
  server.apply("b", spec({ replicas: 1, image: "i" }));
  expect(times()).toEqual(["1970-01-01T00:00:01Z", "1970-01-01T00:00:03Z"]);
  server.apply("b", spec({ replicas: 1, image: "i" }));
  expect(times()).toEqual(["1970-01-01T00:00:01Z", "1970-01-01T00:00:03Z"]);
});

test("keepTimes: what differs only in times is the live object", () => {
  const live = new WidgetServer().apply("a", spec({ replicas: 1 })).live;
  if (!live) throw new Error("not created");
  const later =
    live.metadata.managedFields?.map((entry) => ({ ...(entry as object), time: "2030-01-01T00:00:00Z" })) ??
    [];
  expect(keepTimes(live, { ...live, metadata: { ...live.metadata, managedFields: later } })).toBe(live);
  const other = { ...live, spec: { replicas: 2 }, metadata: { ...live.metadata, managedFields: later } };
  expect(keepTimes(live, other)).toBe(other);
});

test("apply: in another version the same applier", () => {
  const server = new WidgetServer().apply("a", spec({ replicas: 1, image: "i" }));
  server.fields = new FieldManager({ ...widgetParts, apiVersion: "example.com/v2" });
  server.apply("a", { ...spec({ image: "i" }), apiVersion: "example.com/v2" });
  expect(server.spec).toEqual({ image: "i" });
  expect(server.live?.metadata.managedFields).toMatchObject([{ manager: "a", apiVersion: "example.com/v2" }]);
});

test("apply, trackUpdate: what became owned as a whole since is owned by who owned a part of it", () => {
  const atomic: Schema = {
    ...widgetSchema,
    properties: {
      ...widgetSchema.properties,
      spec: { ...widgetSchema.properties?.["spec"], "x-kubernetes-map-type": "atomic" },
    },
  };
  const server = new WidgetServer().apply("a", spec({ replicas: 1 })).apply("b", spec({ image: "i" }));
  server.fields = new FieldManager({ ...widgetParts, schema: atomic });
  expect(server.conflictOf("b", spec({ image: "j" }))).toContain('conflict with "a": .spec');
  server.change("u", { spec: { image: "k" } });
  expect(server.owners).toEqual(["u Update: .spec"]);
});

test.each([
  {
    name: "managedFields",
    config: widget({}, { managedFields: [] }),
    message: "metadata.managedFields must be nil",
  },
  {
    name: "another kind",
    config: { ...widget({}), kind: "Gadget" },
    message: "invalid object type: example.com/v1, Kind=Gadget",
  },
  { name: "no type", config: {}, message: "invalid object type: /, Kind=" },
  {
    name: "unknown fields",
    config: spec({ colour: 1 }),
    message:
      "failed to create typed patch object (default/w; example.com/v1, Kind=Widget): .spec.colour: field not declared in schema",
  },
  {
    name: "metadata of another type",
    config: { ...widget({}), metadata: 3 },
    message:
      "failed to create typed patch object (/; example.com/v1, Kind=Widget): .metadata: expected map, got &{3}",
  },
])("apply: refuses $name", ({ config, message }) => {
  const thrown = errorOf(() => new WidgetServer().apply("a", config));
  expect(thrown).toMatchObject({ message, httpCode: 400 });
});

test("apply: a resourceVersion is a condition on what there is, and none on what there is not", () => {
  const server = new WidgetServer().apply("a", widget({ spec: {} }, { resourceVersion: "7" }));
  expect(server.live?.metadata.resourceVersion).toBe("1");
  const merged = server.fields.apply(server.live, widget({ spec: {} }, { resourceVersion: "7" }), by);
  expect(merged["metadata"]).toMatchObject({ resourceVersion: "7", uid: "u-1" });
});

test("apply: a configuration without metadata leaves the object's", () => {
  const server = new WidgetServer().apply(
    "a",
    widget({ spec: { image: "i" } }, { labels: { l: "1" }, annotations: { n: "1" } }),
  );
  server.apply("a", { apiVersion: "example.com/v1", kind: "Widget", spec: { image: "i" } });
  expect(server.live?.metadata).toMatchObject({ name: "w", namespace: "default", uid: "u-1" });
  expect(server.live?.metadata.labels).toBeUndefined();
});

function errorOf(run: () => unknown): ApiError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof ApiError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}
