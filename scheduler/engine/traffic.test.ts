import { expect, test } from "vitest";
import { deployment, lostAfterMs, startEngine } from "../testing/test-engine.ts";

const told = (uid: string, arrived: number, inFlight = 0, queued = 0) => ({ uid, arrived, inFlight, queued });

async function withDeployment() {
  const started = await startEngine();
  const { backend, node, pass } = started;
  const [a, b] = [node("a"), node("b")];
  const { uid } = backend.put("wasmdeployments", deployment(2)).metadata;
  await pass(200);
  return { ...started, a, b, uid };
}

test("Engine: traffic of a workload is what all gateways say of it", async () => {
  const { engine, pass, a, b, uid } = await withDeployment();
  expect(engine.trafficOf(uid)).toBeUndefined();
  for (let second = 1; second <= 13; second++) {
    a.tell(told(uid, 30 * second, 4, 1));
    b.tell(told(uid, 10 * second, 2));
    await pass(1_000);
  }
  const traffic = engine.trafficOf(uid);
  expect(traffic).toMatchObject({ inFlight: 6, queued: 1, isAtLeast: false, isActive: true });
  expect(traffic?.arrivedPerSecond).toBeCloseTo(40, 6);
});

test("Engine: traffic is at least what is known while a node that told of it is silent, until it is deleted", async () => {
  const { engine, backend, node, pass, a, b, uid } = await withDeployment();
  node("c");
  for (const one of [a, b]) one.tell(told(uid, 1, 3));
  b.disconnect();
  await pass(100);
  expect(engine.trafficOf(uid)).toMatchObject({ inFlight: 3, isAtLeast: true });
  await pass(lostAfterMs + 1_000);
  expect(engine.trafficOf(uid)).toMatchObject({ inFlight: 3, isAtLeast: true });
  const object = backend.get({ group: "wherry.dev", plural: "wasmnodes" }, "", "b");
  backend.remove("wasmnodes", object!);
  await pass(100);
  expect(engine.trafficOf(uid)).toMatchObject({ inFlight: 3, isAtLeast: false });
});

test("Engine: of traffic for what is not declared, or not any more, nothing is known", async () => {
  const { engine, backend, pass, a, uid } = await withDeployment();
  a.tell(told("nobody's", 5, 5, 5), told(uid, 5, 5, 5));
  expect(engine.trafficOf("nobody's")).toBeUndefined();
  expect(engine.trafficOf(uid)).toMatchObject({ inFlight: 5 });
  const object = backend.get({ group: "wherry.dev", plural: "wasmdeployments" }, "default", "app");
  backend.remove("wasmdeployments", object!);
  await pass(200);
  expect(engine.trafficOf(uid)).toBeUndefined();
  // Its gateway has not heard of it yet.
  a.tell(told(uid, 6, 6, 6));
  expect(engine.trafficOf(uid)).toBeUndefined();
});

test("Engine: a session that was replaced says nothing of traffic any more", async () => {
  const { engine, node, pass, a, uid } = await withDeployment();
  a.tell(told(uid, 1, 3));
  const again = node("a");
  await pass(100);
  a.tell(told(uid, 2, 1_000));
  expect(engine.trafficOf(uid)).toMatchObject({ inFlight: 0 });
  again.tell(told(uid, 2, 7));
  expect(engine.trafficOf(uid)).toMatchObject({ inFlight: 7 });
});
