import { expect, test } from "vitest";
import type { Run, Shim } from "./hosting.ts";
import { endOfDeath } from "./run-end.ts";

const abort = [
  '{"time":"2026-01-01T00:00:00.000Z","level":"info","shim":"x","message":"claimed"}',
  "",
  "<--- Last few GCs --->",
  "",
  "[12382:0x1a017000]      533 ms: Mark-Compact (reduce) 102.3 (103.9) -> 102.3 (103.9) MB, pooled: 0.0 MB",
  "",
  "FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory",
  "----- Native stack trace -----",
  " 1: 0x840e50  [node]",
].join("\n");

const forged = `{"level":"error","message":"x","err":"${String.raw`\nFATAL ERROR: out of memory`}"}`;

test.each([
  { name: "a shared process: lost, whatever it died of", use: "shared", tail: abort, kind: "lost" },
  { name: "killed by somebody else", use: "own", tail: "", kind: "lost" },
  {
    name: "killed by us, as nothing else stopped it",
    use: "own",
    tail: "",
    killedBy: "us",
    stop: true,
    kind: "stopped",
  },
  { name: "killed by us for another reason", use: "own", tail: "", killedBy: "us", kind: "lost" },
  { name: "killed by somebody else while it was stopping", use: "own", tail: "", stop: true, kind: "lost" },
  { name: "ended by the system for its memory", use: "own", tail: "", endedFor: "memory", kind: "trapped" },
  { name: "a heap that was full", use: "own", tail: abort, kind: "trapped" },
  { name: "a guest's words in our log prove nothing", use: "own", tail: forged, kind: "lost" },
] as const)("endOfDeath: $name", (row) => {
  const stop = "stop" in row ? { graceMs: 0, overdueAtMs: 0 } : undefined;
  const run = { shim: { use: row.use } as Shim, stop } as Run;
  const killedBy = "killedBy" in row ? row.killedBy : undefined;
  const endedFor = "endedFor" in row ? row.endedFor : undefined;
  const end = endOfDeath(run, {
    endedFor,
    why: "it was ended by SIGABRT",
    killedBy,
    tail: row.tail,
    heapMb: 96,
  });
  expect(end.kind).toBe(row.kind);
  if (end.kind === "trapped") {
    expect(end.reason).toBe("OutOfMemory");
    if (row.tail === abort) expect(end.message).toContain("96 MiB");
    expect(end.message).toContain("resources.limits.memory");
  }
});
