import { expect, test } from "vitest";
import { threadCpuMs } from "./thread-cpu.ts";

test("threadCpuMs: is exact to a fraction of a millisecond, not only every few", () => {
  const begin = threadCpuMs();
  let steps = 0;
  let last = begin;
  while (last - begin < 20) {
    const now = threadCpuMs();
    if (now > last) steps++;
    last = now;
  }
  expect(steps).toBeGreaterThan(200);
});
