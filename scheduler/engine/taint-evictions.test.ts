import { expect, test } from "vitest";
import { noClaims } from "../core/model.ts";
import { FakeNode } from "../testing/fake-node.ts";
import { deployment, eventsIn, job, startEngine } from "../testing/test-engine.ts";

const noExecute = { key: "broken", value: "disk", effect: "NoExecute" } as const;

function wasmNode(name: string, taints: readonly object[] = []) {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmNode",
    metadata: { name, labels: { "kubernetes.io/hostname": name } },
    spec: { unschedulable: false, taints },
  };
}

const tolerating = (tolerationSeconds?: number) => ({
  tolerations: [
    {
      key: "broken",
      operator: "Exists",
      effect: "NoExecute",
      ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
    },
  ],
});

/** One node with one running instance of a deployment, and no other node. */
async function startWithInstance(template: Record<string, unknown> = {}) {
  const started = await startEngine();
  const { backend, node, pass, instances } = started;
  const first = node("a");
  await pass(300);
  backend.put("wasmdeployments", deployment(1, template));
  await pass(300);
  first.runAll();
  await pass(300);
  const uid = instances()[0]?.uid ?? "";
  const taint = (...taints: readonly object[]) => backend.put("wasmnodes", wasmNode("a", taints));
  return { ...started, first, uid, taint };
}

test("TaintEvictions: an instance that does not tolerate the taint is stopped, with the reason, and made anew elsewhere", async () => {
  const { backend, first, uid, taint, node, pass, instances } = await startWithInstance();
  const second = node("b");
  taint(noExecute);
  await pass(1_500);
  const message = "node a has taint {broken: disk}:NoExecute, which it does not tolerate";
  expect(first.stopped).toEqual([uid]);
  expect(first.stopReasons.get(uid)).toEqual({ reason: "TaintEviction", message });
  expect(second.held.size).toBe(1);
  expect(eventsIn(backend).map(({ reason, message: text }) => [reason, text])).toContainEqual([
    "TaintEviction",
    `instance ${instances()[0]?.name} is stopped: ${message}`,
  ]);
});

test.each([
  { name: "another effect", template: {}, taints: [{ ...noExecute, effect: "NoSchedule" }] },
  { name: "a taint that it tolerates", template: tolerating(), taints: [noExecute] },
  { name: "a taint that it tolerates for an hour", template: tolerating(3_600), taints: [noExecute] },
])("TaintEvictions: $name stops nothing", async ({ template, taints }) => {
  const { first, taint, pass } = await startWithInstance(template);
  taint(...taints);
  await pass(2_000);
  expect(first.stopped).toEqual([]);
});

test("TaintEvictions: tolerationSeconds after the taint, however often the node changes meanwhile", async () => {
  const { first, uid, taint, pass } = await startWithInstance(tolerating(5));
  taint(noExecute);
  await pass(4_000);
  taint(noExecute, { key: "other", effect: "PreferNoSchedule" });
  first.say({ MemoryPressure: true });
  await pass(900);
  expect(first.stopped).toEqual([]);
  await pass(200);
  expect(first.stopped).toEqual([uid]);
});

test("TaintEvictions: a taint that goes in time, and comes again, begins anew", async () => {
  const { first, uid, taint, pass } = await startWithInstance(tolerating(5));
  taint(noExecute);
  await pass(4_000);
  taint();
  await pass(2_000);
  taint(noExecute);
  await pass(4_000);
  expect(first.stopped).toEqual([]);
  await pass(1_100);
  expect(first.stopped).toEqual([uid]);
});

test("TaintEvictions: who comes to a node with the taint stays for its time from then", async () => {
  const { backend, node, pass, instances } = await startEngine();
  const first = node("a");
  await pass(300);
  backend.put("wasmnodes", wasmNode("a", [noExecute]));
  await pass(10_000);
  backend.put("wasmdeployments", deployment(1, tolerating(5)));
  await pass(300);
  const uid = instances()[0]?.uid ?? "";
  expect([...first.held.keys()]).toEqual([uid]);
  await pass(4_000);
  expect(first.stopped).toEqual([]);
  await pass(1_000);
  expect(first.stopped).toEqual([uid]);
});

test.each([
  { name: "a toleration that the instance was made with", forgets: false },
  { name: "that it has none", forgets: true },
])(
  "TaintEvictions: of a template that is not kept a new leader knows from the node $name",
  async ({ forgets }) => {
    const { engine, backend, first, uid } = await startWithInstance(tolerating());
    await engine.close();
    backend.put("wasmnodes", wasmNode("a", [noExecute]));
    const held = [...first.held.values()].map(({ instance, status }) => ({
      instance: { ...instance, templateHash: "old", claims: forgets ? noClaims : instance.claims },
      status,
    }));
    const leader = await startEngine(backend, 8);
    const again = new FakeNode("a", leader.engine.nodes, held).connect();
    await leader.pass(500);
    expect([...again.stopReasons.keys()]).toEqual(forgets ? [uid] : []);
    expect(again.stopped).toEqual(forgets ? [uid] : []);
  },
);

test("TaintEvictions: a job's instance that is stopped so counts as no failure", async () => {
  const { backend, node, pass, instances } = await startEngine();
  const first = node("a");
  await pass(300);
  backend.put("wasmjobs", job({ backoffLimit: 0 }));
  await pass(300);
  first.runAll();
  backend.put("wasmnodes", wasmNode("a", [noExecute]));
  await pass(300);
  const [uid = ""] = first.stopped;
  first.report(uid, { phase: "Failed", ready: false, reason: "TaintEviction" });
  const second = node("b");
  await pass(1_000);
  expect(second.held.size).toBe(1);
  expect(instances().map(({ slot }) => slot?.attempt)).toContain(1);
});
