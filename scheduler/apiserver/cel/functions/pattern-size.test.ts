import { expect, test } from "vitest";
import { threadCpuMs } from "../../../../kit/thread-cpu.ts";
import { patternSize } from "./pattern-size.ts";

test("patternSize: what is never closed is read once", () => {
  const startMs = threadCpuMs();
  for (const part of ["[", "\\p{", "\\x{", "{", "(", "[[:a:", "\\Q"]) patternSize(part.repeat(3000));
  expect(threadCpuMs() - startMs).toBeLessThan(500);
});

test.each([
  ["", 0, 0],
  ["abc", 3, 3],
  ["^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", 3, 40],
  ["a{5}", 5, 5],
  ["[a-z]{1,63}", 63, 320],
  ["((x{10}){10}){10}", 1000, 1300],
  ["(a{3}b){4}", 16, 24],
  ["\\{5}{3}", 3, 12],
  ["[{5}]{2}", 2, 12],
  ["a{,5}", 4, 6],
  ["x{2000000}", 1_000_000, 3_000_000],
  [")))(((", 1, 20],
])("patternSize: of %s is from %d to %d", (pattern, least, most) => {
  expect(patternSize(pattern)).toBeGreaterThanOrEqual(least);
  expect(patternSize(pattern)).toBeLessThanOrEqual(most);
});
