import { expect, test } from "vitest";
import { ShareGate } from "./share-gate.ts";

function gated(runningMax: number, perKeyMax: number) {
  const gate = new ShareGate(runningMax, perKeyMax);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const done: Promise<void>[] = [];
  const add = (name: string) =>
    done.push(
      gate.run(name.slice(0, 1), () => {
        begun.push(name);
        return new Promise<void>((resolve) => ends.set(name, resolve));
      }),
    );
  const end = async (name: string) => {
    ends.get(name)?.();
    await new Promise(setImmediate);
  };
  return { add, end, begun, done };
}

test("ShareGate: keys take turns, and none has more than its own places", async () => {
  const { add, end, begun } = gated(3, 2);
  for (const name of ["a1", "a2", "a3", "a4", "b1", "c1", "c2"]) add(name);
  await new Promise(setImmediate);
  expect(begun).toEqual(["a1", "a2", "b1"]);
  await end("b1");
  expect(begun.slice(3)).toEqual(["c1"]);
  await end("a1");
  await end("c1");
  expect(begun.slice(4).toSorted()).toEqual(["a3", "c2"]);
  await end("a2");
  expect(begun.at(-1)).toBe("a4");
});

test("ShareGate: a place is given on after a failure", async () => {
  const gate = new ShareGate(1, 1);
  await expect(gate.run("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await expect(gate.run("b", () => Promise.resolve(7))).resolves.toBe(7);
});

test("ShareGate: ten thousand of one key all get through", async () => {
  const gate = new ShareGate(8, 4);
  let most = 0;
  let now = 0;
  const tasks = Array.from({ length: 10_000 }, () =>
    gate.run("a", async () => {
      most = Math.max(most, ++now);
      await Promise.resolve();
      now--;
    }),
  );
  await Promise.all(tasks);
  expect(most).toBe(4);
});
