/** The ways out of a mount, tried by real guests in real shims: a module of preview 1, and the same as a component. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { adapted } from "../../node-daemon/components/test-components.ts";
import { TestNode } from "../../node-daemon/runtimes/v8/test-driver.ts";
import {
  Fence,
  inodesIn,
  namesIn,
  outsideNames,
  secret,
  stateOf,
} from "../../node-daemon/wasi/escape/fence.ts";
import { type Way, ways } from "../../node-daemon/wasi/escape/ways.ts";
import { guest } from "../support/guests.ts";

const burglar = async () => new Uint8Array(readFileSync(await guest("burglar")));

/** An argument holds no NUL; and what the guest has to make first is tried elsewhere. */
const tried = ways.filter((way) => way.make === undefined && !way.name.includes("NUL"));

interface Break {
  readonly way: Way;
  readonly uid: string;
  readonly fence: Fence;
  readonly before: readonly string[];
  readonly names: readonly string[];
  readonly inodes: ReadonlySet<bigint>;
  readonly unlay: void | (() => void);
  readonly path: string;
}

function prepareBreak(way: Way, uid: string): Break {
  const fence = new Fence();
  const before = stateOf(fence.outside);
  const inodes = inodesIn(fence.outside);
  const target = outsideNames.existing;
  const unlay = way.lay?.(fence, target);
  return {
    way,
    uid,
    fence,
    before,
    names: namesIn(fence.root),
    inodes,
    unlay,
    path: way.path(target, fence),
  };
}

function learnt(log: string, inodes: ReadonlySet<bigint>): readonly string[] {
  const found = [...log.matchAll(/inode (\d+)/g)].filter(([, inode = ""]) => inodes.has(BigInt(inode)));
  return [...found.map(([text]) => text), ...(log.includes(secret) ? [secret] : [])];
}

describe.each([
  ["a module", burglar],
  ["a component", async () => adapted(await burglar())],
] as const)("escape from a shim: %s", (_title, build) => {
  test(`${tried.length} ways, each tried in forty operations: nothing outside is changed, read or told`, async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, await build());
    const breaks = tried.map((way, index) => prepareBreak(way, `burglar-${index}`));
    try {
      for (const { uid, fence, path } of breaks) {
        const mounts = fence.mounts;
        driver.start(node.spec(uid, module, { args: ["burglar", path, join("/other", path)], mounts }));
      }
      await told.hasEnded(breaks.length);
      for (const { way, uid, fence, before, names, inodes } of breaks) {
        const end = await told.endOf(uid);
        expect([way.name, end]).toEqual([way.name, { kind: "exited", exitCode: 0 }]);
        expect([way.name, stateOf(fence.outside)]).toEqual([way.name, before]);
        expect([way.name, namesIn(fence.root)]).toEqual([way.name, names]);
        expect([way.name, learnt(node.log(uid), inodes)]).toEqual([way.name, []]);
        // It did try.
        expect(node.log(uid)).toContain("stdout F read: ");
      }
    } finally {
      for (const { unlay, fence } of breaks) {
        unlay?.();
        fence[Symbol.dispose]();
      }
    }
  }, 180_000);
});
