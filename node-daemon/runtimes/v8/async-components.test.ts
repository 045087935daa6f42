/** Commands of WASI 0.3, which keep several stacks, and components that nobody meant to write. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asyncEnds, asyncWaits } from "../../components/test-async-components.ts";
import { components, composedComponents } from "../../components/test-components.ts";
import type { RuntimeDriver } from "../runtime-driver.ts";
import { type Recorder, TestNode } from "./test-driver.ts";

/** One for all tests: starting the translator takes longer than any of them. */
let node: TestNode;
let driver: RuntimeDriver;
let told: Recorder;
let count = 0;

beforeAll(async () => {
  node = new TestNode();
  ({ driver, told } = await node.open());
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

const nextUid = () => `guest-${count++}`;

describe("a command of WASI 0.3", () => {
  test.each(Object.entries(asyncEnds))("ends %s", async (_, component) => {
    const uid = nextUid();
    driver.start(node.spec(uid, await node.prepared(driver, await component())));
    expect(await told.endOf(uid)).toEqual({ kind: "exited", exitCode: 0 });
  });

  test.each(Object.entries(asyncWaits))("is killed while it waits %s", async (_, component) => {
    const prepared = await node.prepared(driver, await component());
    const [uid, neighbour] = [nextUid(), nextUid()];
    const started = told.startedUids.length;
    driver.start(node.spec(uid, prepared));
    await told.hasStarted(started + 1);
    // It has waited for a while, and lets others run.
    driver.start(node.spec(neighbour, await node.prepared(driver, await components.sleeps(100))));
    expect(await told.endOf(neighbour)).toEqual({ kind: "exited", exitCode: 0 });
    expect(told.ends.filter(({ id }) => id.uid === uid)).toEqual([]);
    driver.stop(uid, 0);
    expect(await told.endOf(uid)).toEqual({ kind: "stopped" });
  });
});

describe("a composition of components", () => {
  test.each([
    ["that calls and gets an answer", composedComponents.calls, { kind: "exited", exitCode: 0 }],
    ["that shares many resources", composedComponents.resources, { kind: "exited", exitCode: 0 }],
    ["whose other one exits", composedComponents.exits, { kind: "exited", exitCode: 1 }],
    ["whose other one traps", composedComponents.traps, { kind: "trapped", reason: "Trap" }],
  ] as const)("%s", async (_, component, end) => {
    const uid = nextUid();
    driver.start(node.spec(uid, await node.prepared(driver, await component())));
    expect(await told.endOf(uid)).toMatchObject(end);
  });

  test.each([
    ["sleeps", composedComponents.sleeps],
    ["loops", composedComponents.spins],
  ] as const)("is killed while the other one %s", async (_, component) => {
    const uid = nextUid();
    const started = told.startedUids.length;
    driver.start(node.spec(uid, await node.prepared(driver, await component())));
    await told.hasStarted(started + 1);
    driver.stop(uid, 0);
    expect(await told.endOf(uid)).toEqual({ kind: "stopped" });
  });
});

describe("mutated components", () => {
  /** Linear congruential: the same everywhere. */
  function randomFrom(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
  }

  test("each is refused with a reason, or runs within its limits", async () => {
    const random = randomFrom(20_261_126);
    const bases = [
      await components.hello("hello\n"),
      await asyncEnds["from its callback, after waiting"]?.(),
    ];
    for (let i = 0; i < 150; i++) {
      const mutated = Uint8Array.from(bases[i % bases.length] ?? []);
      for (let k = 0; k <= random(3); k++) mutated[8 + random(mutated.length - 8)] = random(256);
      const outcome = await node.prepare(driver, mutated);
      if (outcome.kind === "rejected") {
        expect(outcome.reason).toMatch(
          /^(?:ModuleInvalid|ModuleUnsupported|ModuleTooLarge|ImportsUnsatisfied|NoStart)/,
        );
        continue;
      }
      const uid = nextUid();
      const started = told.startedUids.length;
      driver.start(node.spec(uid, outcome.module));
      await Promise.race([told.hasStarted(started + 1), told.endOf(uid)]);
      driver.stop(uid, 0);
      expect((await told.endOf(uid)).kind).toMatch(/^(?:exited|stopped|trapped|refused)$/);
    }
    expect(node.shimPids()).toHaveLength(1);
  }, 120_000);
});
