import { expect, test } from "vitest";
import { deployment, eventsIn, job, startEngine, statusOf } from "../testing/test-engine.ts";

function priorityClass(name: string, value: number, globalDefault = false) {
  return {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name },
    value,
    globalDefault,
  };
}

test("Engine: an instance has the priority of its class as it was made, or of the default class", async () => {
  const { backend, node, pass, instances } = await startEngine();
  node("a");
  const high = backend.put("priorityclasses", priorityClass("high", 1_000));
  backend.put("wasmdeployments", deployment(1, { priorityClassName: "high" }));
  backend.put("wasmjobs", job());
  await pass(300);
  backend.remove("priorityclasses", high);
  backend.put("priorityclasses", priorityClass("usual", 7, true));
  backend.put("wasmjobs", { ...job(), metadata: { name: "late", namespace: "default" } });
  await pass(300);
  const seen = instances().map(({ owner, priority, priorityClass }) => [
    owner.name,
    { priority, priorityClass },
  ]);
  expect(Object.fromEntries(seen)).toEqual({
    app: { priority: 1_000, priorityClass: "high" },
    work: { priority: 0, priorityClass: "" },
    late: { priority: 7, priorityClass: "usual" },
  });
});

test("Engine: with a class that is not there a workload makes no instances and says so, until it is there", async () => {
  const { backend, node, pass, instances } = await startEngine();
  node("a");
  backend.put("wasmdeployments", deployment(1, { priorityClassName: "high" }));
  const work = job();
  const template = { spec: { ...work.spec.template.spec, priorityClassName: "high" } };
  backend.put("wasmjobs", { ...work, spec: { ...work.spec, template } });
  await pass(1_500);
  expect(instances()).toEqual([]);
  const missing = {
    type: "ReplicaFailure",
    status: "True",
    reason: "FailedCreate",
    message: "no PriorityClass with name high was found",
  };
  expect(statusOf(backend, "wasmdeployments", "app")["conditions"]).toContainEqual(
    expect.objectContaining(missing),
  );
  expect(statusOf(backend, "wasmjobs", "work")["conditions"]).toMatchObject([missing]);
  expect(eventsIn(backend).map(({ reason, message }) => [reason, message])).toContainEqual([
    "FailedCreate",
    "Error creating: no PriorityClass with name high was found",
  ]);
  backend.put("priorityclasses", priorityClass("high", 1_000));
  await pass(500);
  expect(instances().map(({ priority }) => priority)).toEqual([1_000, 1_000]);
  expect(statusOf(backend, "wasmjobs", "work")["conditions"]).toEqual([]);
});
