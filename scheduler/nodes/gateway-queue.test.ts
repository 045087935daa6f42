import { expect, test } from "vitest";
import { GatewayQueue } from "./gateway-queue.ts";
import type { GatewayUpdate } from "./node-port.ts";

function update(given: Partial<GatewayUpdate>): GatewayUpdate {
  return {
    complete: false,
    routes: [],
    removedRoutes: [],
    workloads: [],
    removedWorkloads: [],
    certificates: [],
    removedCertificates: [],
    ticketKeys: [],
    ...given,
  };
}

const route = (uid: string, text = uid, bytes = 0) => ({ uid, entryJson: Buffer.from(text.padEnd(bytes)) });
const workload = (uid: string) => ({
  uid,
  namespace: "d",
  kind: "WasmDeployment",
  name: uid,
  wakes: false,
  nodes: [],
});
const half = 600 * 1024;

test("GatewayQueue: only the newest of each is sent", () => {
  const queue = new GatewayQueue();
  expect(queue.isDue).toBe(false);
  queue.put(update({ routes: [route("a", "1"), route("b", "1")] }));
  queue.put(update({ routes: [route("a", "2")], removedRoutes: ["b"] }));
  const message = queue.take();
  expect(message.routes?.map(({ uid, entryJson }) => `${uid}=${String(entryJson)}`)).toEqual(["a=2"]);
  expect(message.removedRoutes).toEqual(["b"]);
  expect(message).toMatchObject({ complete: false, more: false });
  expect(queue.isDue).toBe(false);
});

test("GatewayQueue: a complete table takes the place of what waited, even if it is empty", () => {
  const queue = new GatewayQueue();
  queue.put(update({ routes: [route("old")], removedWorkloads: ["w"] }));
  queue.put(update({ complete: true }));
  expect(queue.isDue).toBe(true);
  expect(queue.take()).toMatchObject({ complete: true, routes: [], removedWorkloads: [], more: false });
  expect(queue.isDue).toBe(false);
});

test("GatewayQueue: what is large leaves in parts, what routes need before them; only the first says complete, only the last ends it", () => {
  const queue = new GatewayQueue();
  queue.put(
    update({
      complete: true,
      routes: ["a", "b", "c", "d"].map((uid) => route(uid, uid, half)),
      workloads: [workload("w")],
    }),
  );
  const parts = [];
  while (queue.isDue) parts.push(queue.take());
  expect(
    parts.map(({ complete, more, routes, workloads }) => [complete, more, routes?.length, workloads?.length]),
  ).toEqual([
    [true, true, 2, 1],
    [false, false, 2, 0],
  ]);
});

test("GatewayQueue: what comes while the parts of a change leave is a change after it", () => {
  const queue = new GatewayQueue();
  queue.put(update({ complete: true, routes: ["a", "b", "c"].map((uid) => route(uid, uid, half)) }));
  expect(queue.take()).toMatchObject({ complete: true, more: true });
  queue.put(update({ routes: [route("d")], removedRoutes: ["a", "c"] }));
  const last = queue.take();
  expect(last.routes?.map(({ uid }) => uid)).toEqual(["c"]);
  expect(last).toMatchObject({ complete: false, removedRoutes: [], more: false });
  expect(queue.isDue).toBe(true);
  expect(queue.take()).toMatchObject({ complete: false, removedRoutes: ["a", "c"], more: false });
  expect(queue.isDue).toBe(false);
});

test("GatewayQueue: a complete table that comes while another one leaves follows it", () => {
  const queue = new GatewayQueue();
  queue.put(update({ complete: true, routes: ["a", "b", "c"].map((uid) => route(uid, uid, half)) }));
  queue.take();
  queue.put(update({ routes: [route("x")] }));
  queue.put(update({ complete: true, routes: [route("d")] }));
  expect(queue.take()).toMatchObject({ complete: false, more: false });
  const next = queue.take();
  expect(next).toMatchObject({ complete: true, more: false });
  expect(next.routes?.map(({ uid }) => uid)).toEqual(["d"]);
});
