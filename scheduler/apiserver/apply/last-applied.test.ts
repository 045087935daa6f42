import { expect, test } from "vitest";
import type { JsonObject } from "../resource.ts";
import { widget, WidgetServer } from "./testing/apply-scenario.ts";

const annotation = "kubectl.kubernetes.io/last-applied-configuration";
const spec = (parts: JsonObject) => widget({ spec: parts });

/** What `kubectl apply` without --server-side leaves. */
function clientApplied(parts: JsonObject): WidgetServer {
  const text = `${JSON.stringify(spec(parts))}\n`;
  return new WidgetServer().update(
    "kubectl-client-side-apply",
    widget({ spec: parts }, { annotations: { [annotation]: text } }),
  );
}

function lastApplied(server: WidgetServer): unknown {
  return JSON.parse(server.live?.metadata.annotations?.[annotation] ?? "null");
}

test("apply: kubectl takes over from its client-side self without conflicts what still is as it was applied", () => {
  const server = clientApplied({ replicas: 1, image: "i" }).apply(
    "kubectl",
    spec({ replicas: 2, image: "i" }),
  );
  expect(server.spec).toEqual({ replicas: 2, image: "i" });
  expect(server.owners[0]).toBe("kubectl Apply: .spec.image .spec.replicas");
});

test("apply: what somebody else has changed since is a conflict for kubectl, too", () => {
  const server = clientApplied({ replicas: 1, image: "i" }).change("autoscaler", {
    spec: { replicas: 5, image: "i" },
  });
  expect(server.conflictOf("kubectl", spec({ replicas: 2, image: "j" }))).toBe(
    'Apply failed with 1 conflict: conflict with "autoscaler" using example.com/v1: .spec.replicas',
  );
});

test("apply: another manager than kubectl gets the conflicts", () => {
  const server = clientApplied({ replicas: 1 });
  expect(server.conflictOf("other", spec({ replicas: 2 }))).toContain("kubectl-client-side-apply");
});

test.each([
  { name: "no JSON", text: "{" },
  { name: "no object", text: "[]" },
  {
    name: "of another version",
    text: JSON.stringify({ ...spec({ replicas: 1 }), apiVersion: "example.com/v0" }),
  },
  { name: "of another shape", text: JSON.stringify(widget({ spec: { replicas: "x" } })) },
  { name: "empty", text: "" },
])("apply: an annotation that is $name allows nothing", ({ text }) => {
  const server = new WidgetServer().update(
    "u",
    widget({ spec: { replicas: 1 } }, { annotations: { [annotation]: text } }),
  );
  expect(server.conflictOf("kubectl", spec({ replicas: 2 }))).toContain("Apply failed with 1 conflict");
});

test("apply: the annotation says what was applied now, and is nobody's work twice", () => {
  const server = clientApplied({ replicas: 1 }).apply(
    "kubectl",
    widget({ spec: { replicas: 2 } }, { annotations: { note: "n" } }),
  );
  expect(lastApplied(server)).toEqual(widget({ spec: { replicas: 2 } }, { annotations: { note: "n" } }));
  const { live } = server;
  server.apply("kubectl", widget({ spec: { replicas: 2 } }, { annotations: { note: "n" } }));
  expect(server.live).toBe(live);
});

test("apply: where there is no annotation none is made, and other managers leave it alone", () => {
  const server = new WidgetServer().apply("kubectl", spec({ replicas: 1 }));
  expect(server.live?.metadata.annotations).toBeUndefined();
  const other = clientApplied({ replicas: 1 }).apply("other", spec({ image: "i" }));
  expect(lastApplied(other)).toEqual(spec({ replicas: 1 }));
});

test("apply: an annotation that would be too large goes", () => {
  const server = clientApplied({ image: "i" }).apply("kubectl", spec({ image: "x".repeat(300_000) }));
  expect(server.live?.metadata.annotations).toEqual({});
});
