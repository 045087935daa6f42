import { expect, test } from "vitest";
import { threadCpuMs } from "../../kit/thread-cpu.ts";
import { engine } from "./engine.ts";
import { describeTrap } from "./trap.ts";

/** As the engine would have thrown it. */
function thrownWith(...frames: readonly string[]): Error {
  const error = Object.assign(new engine.RuntimeError(), { message: "unreachable" });
  error.stack = ["RuntimeError: unreachable", ...frames.map((frame) => `    at ${frame}`)].join("\n");
  return error;
}

const place = (index: number, module = "00112233") => `wasm://wasm/${module}:wasm-function[${index}]:0x1ff`;

test.each([
  ["a named function", `inner (${place(5)})`, "    at inner [4]"],
  ["one without a name", place(7), "    at function [6]"],
  ["an import", `fd_write (${place(1)})`, "    at fd_write [1]"],
  ["a name with a location in it", `a (${place(9)}) b (${place(5)})`, `    at a (${place(9)}) b [4]`],
  ["a long name", `${"n".repeat(500)} (${place(5)})`, `    at ${"n".repeat(200)} [4]`],
])("describeTrap: names the frame of %s", (_title, frame, told) => {
  expect(describeTrap(thrownWith(frame), 2).message).toBe(`trap: unreachable\n${told}`);
});

test.each([
  ["the rewriter's own functions", `wherry.charge (${place(5)})`],
  ["the host's functions", "Guest.resume (file:///guest.ts:12:34)"],
])("describeTrap: leaves out %s", (_title, frame) => {
  expect(describeTrap(thrownWith(frame), 2).message).toBe("trap: unreachable");
});

test("describeTrap: takes no time for names that look like a location over and over", () => {
  const name = " (wasm://".repeat(10_000);
  const thrown = thrownWith(...Array.from({ length: 3 }, () => `${name} (${place(5, "m)-0a1b2c3d")})`));
  const startMs = threadCpuMs();
  expect(describeTrap(thrown, 2).message.length).toBeLessThanOrEqual(4_096);
  // Half a millisecond; with a pattern over the whole line it was 5 seconds.
  expect(threadCpuMs() - startMs).toBeLessThan(200);
});
