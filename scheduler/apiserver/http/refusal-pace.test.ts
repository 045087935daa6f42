import { expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { RefusalPace } from "./refusal-pace.ts";

const limits = { refusals: 2, refusalIntervalMs: 10, refusalsWaiting: 5 };

/** Refused clients, and the names of those that have been told. */
function aCrowd() {
  const clock = new FakeClock();
  const pace = new RefusalPace(limits, clock);
  const told: string[] = [];
  const refuse = (name: string, signal = new AbortController().signal) =>
    void pace.turn(signal).then(() => told.push(name));
  const after = async (ms: number) => {
    clock.advance(ms);
    await Promise.resolve();
    return told.splice(0).join("");
  };
  return { pace, refuse, after };
}

test("RefusalPace.turn: few are told at once, more at a pace, the oldest first", async () => {
  const { refuse, after } = aCrowd();
  for (const name of "abcdefg") refuse(name);
  expect(await after(0)).toBe("ab");
  expect(await after(9)).toBe("");
  expect(await after(1)).toBe("cd");
  expect(await after(10)).toBe("ef");
  expect(await after(10)).toBe("g");
});

test("RefusalPace.turn: what an interval has left is for those who come in it", async () => {
  const { refuse, after } = aCrowd();
  for (const name of "abc") refuse(name);
  expect(await after(10)).toBe("abc");
  for (const name of "de") refuse(name);
  expect(await after(0)).toBe("d");
  expect(await after(10)).toBe("e");
  expect(await after(100)).toBe("");
  for (const name of "fg") refuse(name);
  expect(await after(0)).toBe("fg");
});

test("RefusalPace.turn: beyond what may wait, they are told at once", async () => {
  const { refuse, after } = aCrowd();
  for (const name of "abcdefghi") refuse(name);
  expect(await after(0)).toBe("abhi");
});

test("RefusalPace.turn: a client that is gone takes nobody's turn", async () => {
  const { refuse, after } = aCrowd();
  const gone = new AbortController();
  for (const name of "abc") refuse(name);
  refuse("x", gone.signal);
  for (const name of "de") refuse(name);
  gone.abort();
  expect(await after(0)).toBe("ab");
  expect(await after(10)).toBe("cxd");
});

test("RefusalPace.flush: all are told", async () => {
  const { pace, refuse, after } = aCrowd();
  for (const name of "abcde") refuse(name);
  pace.flush();
  expect(await after(0)).toBe("abcde");
});
