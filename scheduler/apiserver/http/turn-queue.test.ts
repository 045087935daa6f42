import { expect, test } from "vitest";
import { TurnQueue } from "./turn-queue.ts";

function filled(texts: readonly string[]): TurnQueue<string> {
  const queue = new TurnQueue<string>();
  for (const text of texts) {
    const [user = "", agent = ""] = text.split(" ");
    queue.push({ user, agent }, text);
  }
  return queue;
}

function drain(queue: TurnQueue<string>): readonly string[] {
  const order: string[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) order.push(item);
  return order;
}

test.each([
  { name: "one flow: in order", sent: ["a x 1", "a x 2", "a x 3"], order: ["a x 1", "a x 2", "a x 3"] },
  { name: "two users: in turn", sent: ["a x 1", "a x 2", "b x 1"], order: ["a x 1", "b x 1", "a x 2"] },
  {
    name: "two flows of one user: in turn",
    sent: ["a x 1", "a x 2", "a y 1"],
    order: ["a x 1", "a y 1", "a x 2"],
  },
  {
    name: "a user of many flows has one turn",
    sent: ["a x", "a y", "a z", "b x 1", "b x 2"],
    order: ["a x", "b x 1", "a y", "b x 2", "a z"],
  },
])("TurnQueue: $name", ({ sent, order }) => {
  const queue = filled(sent);
  expect(queue.size).toBe(sent.length);
  expect(drain(queue)).toEqual(order);
  expect(queue.size).toBe(0);
});

test("TurnQueue: who may not go keeps its place", () => {
  const queue = filled(["a x", "b x", "c x"]);
  expect(queue.shift({ user: (user) => user !== "a", flow: () => true })).toBe("b x");
  expect(queue.shift({ user: () => true, flow: ({ user }) => user === "c" })).toBe("c x");
  expect(queue.shift({ user: () => false, flow: () => true })).toBeUndefined();
  expect(drain(queue)).toEqual(["a x"]);
});

test("TurnQueue: counts by user and flow, and forgets who has nothing", () => {
  const queue = filled(["a x 1", "a x 2", "a y"]);
  const flow = { user: "a", agent: "x" };
  expect([queue.sizeOf(flow), queue.sizeOfUser("a")]).toEqual([2, 3]);
  queue.remove(flow, "a x 1");
  queue.remove(flow, "a x 1");
  expect([queue.sizeOf(flow), queue.sizeOfUser("a"), queue.size]).toEqual([1, 2, 2]);
  drain(queue);
  expect([queue.sizeOf(flow), queue.sizeOfUser("a")]).toEqual([0, 0]);
});
