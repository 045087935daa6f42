import { describe, expect, test } from "vitest";
import { MemoryPot, type PotMember } from "./memory-pot.ts";

class Member implements PotMember {
  memoryBytes = 0;
  room: number | undefined;
  over = false;

  allow(roomBytes: number): void {
    this.room = roomBytes;
  }

  exceeded(): void {
    this.over = true;
  }
}

function potOf(...least: readonly number[]): {
  readonly pot: MemoryPot;
  readonly members: readonly Member[];
} {
  const pot = new MemoryPot(1_000, 100);
  const members = least.map((bytes) => {
    const member = new Member();
    pot.add(member, bytes);
    return member;
  });
  return { pot, members };
}

describe("MemoryPot", () => {
  test("a member may grow by what nobody has, what others were promised left out", () => {
    const { pot, members } = potOf(100, 300);
    const [first = new Member()] = members;
    pot.enter(first);
    expect(first.room).toBe(600);
  });

  test("what one has grown by the others lack, from its turn on", () => {
    const { pot, members } = potOf(100, 100);
    const [first = new Member(), second = new Member()] = members;
    pot.enter(first);
    first.memoryBytes = 700;
    pot.leave(first, 1);
    pot.enter(second);
    expect(second.room).toBe(200);
    second.memoryBytes = 300;
    pot.leave(second, 1);
    expect(pot.leftBytes).toBe(0);
    pot.enter(first);
    expect(first.room).toBe(0);
  });

  test("what a member has given back or taken with it is free again", () => {
    const { pot, members } = potOf(100, 100);
    const [first = new Member(), second = new Member()] = members;
    pot.enter(first);
    first.memoryBytes = 900;
    pot.leave(first, 1);
    expect(pot.leftBytes).toBe(0);
    first.memoryBytes = 0;
    expect(pot.usedBytes).toBe(200);
    pot.remove(first);
    expect(pot.usedBytes).toBe(100);
    pot.enter(second);
    expect(second.room).toBe(900);
  });

  test("a stack may go one whole stack beyond the limit, and no further", () => {
    const { pot, members } = potOf(100);
    const [first = new Member()] = members;
    pot.enter(first);
    first.memoryBytes = 1_100;
    pot.leave(first, 1);
    expect(first.over).toBe(false);
    pot.enter(first);
    first.memoryBytes = 1_101;
    pot.leave(first, 1);
    expect(first.over).toBe(true);
  });

  test("adds up the time of turns", () => {
    const { pot, members } = potOf(100, 100);
    const [first = new Member(), second = new Member()] = members;
    for (const [member, ms] of [
      [first, 1],
      [second, 10],
      [first, 2],
    ] as const) {
      pot.enter(member);
      pot.leave(member, ms);
    }
    expect([pot.ranMsOf(first), pot.ranMsOf(second)]).toEqual([3, 10]);
  });
});
