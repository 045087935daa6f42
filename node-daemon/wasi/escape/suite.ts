import { readdirSync } from "node:fs";
import { setImmediate } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import type { MakeAttacker, Reply } from "./attacker.ts";
import { Fence, inodesIn, namesIn, outsideNames, secret, stateOf } from "./fence.ts";
import { type Operation, operations } from "./operations.ts";
import { type Way, ways } from "./ways.ts";

/**
 * Every way with every operation. A row holds when nothing outside was changed or read, when the guest was told the
 * same whether its target exists or not, and when the host has as many descriptors open as before.
 */
export function describeWays(title: string, make: MakeAttacker, tried: readonly Way[] = ways): void {
  describe(`escape through ${title}`, () => {
    test.each(tried.map((way) => [way.name, way] as const))("by %s", async (_name, way) => {
      const open = openDescriptors();
      for (const operation of operations) {
        const existing = await attempt(make, way, operation, outsideNames.existing);
        const missing = await attempt(make, way, operation, outsideNames.missing);
        expect([operation.name, existing], "an oracle").toEqual([operation.name, missing]);
      }
      expect(await settledDescriptors(open)).toBeLessThanOrEqual(open);
    });
  });
}

/** What the guest was told, without what differs from run to run. */
async function attempt(
  make: MakeAttacker,
  way: Way,
  operation: Operation,
  target: string,
): Promise<readonly string[]> {
  using fence = new Fence();
  const before = stateOf(fence.outside);
  const names = namesIn(fence.root);
  const inodes = inodesIn(fence.outside);
  const unlay = way.lay?.(fence, target);
  let told: readonly Reply<unknown>[];
  const moved = names.length !== namesIn(fence.root).length;
  try {
    const attacker = await make(fence.mounts);
    try {
      const [at = -1] = attacker.mounts;
      await way.make?.(attacker, at, target);
      const open = openDescriptors();
      told = await operation.attempt(attacker, at, way.path(target, fence));
      const left = await settledDescriptors(open);
      expect([operation.name, left > open], "more open descriptors").toEqual([operation.name, false]);
    } finally {
      await attacker.dispose();
    }
  } finally {
    unlay?.();
  }
  expect([operation.name, stateOf(fence.outside)], "what is outside").toEqual([operation.name, before]);
  if (!moved) expect(namesIn(fence.root)).toEqual(names);
  for (const reply of told) expectNothingLearnt(operation.name, reply, inodes);
  return told.map((reply) => plainly(reply, target));
}

export function expectNothingLearnt(name: string, reply: Reply<unknown>, inodes: ReadonlySet<bigint>): void {
  if (!reply.ok) return;
  expect([name, textOf(reply.value)]).not.toEqual([name, expect.stringContaining(secret)]);
  const { value } = reply;
  if (typeof value === "object" && value !== null && "inode" in value) {
    expect([name, inodes.has(value.inode as bigint)], "an inode of the outside").toEqual([name, false]);
  }
}

function plainly(reply: Reply<unknown>, target: string): string {
  return reply.ok ? `done: ${textOf(reply.value)}`.replaceAll(target, "TARGET") : reply.why;
}

/** Without inodes, which are new in every run. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (key, part: unknown) =>
    key === "inode" ? undefined : typeof part === "bigint" ? String(part) : part,
  );
}

/** Once they are no more than `expected`, or after a while: some mounts close what they have open a little later. */
async function settledDescriptors(expected: number): Promise<number> {
  for (let turn = 0; turn < 1_000 && openDescriptors() > expected; turn++) await setImmediate();
  return openDescriptors();
}

/** Of this process. */
export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}
