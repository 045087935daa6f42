import { expect, test } from "vitest";
import { noNetworkGrant, type RunSpec } from "../runtime-driver.ts";
import { needsOf } from "./shim-needs.ts";

const mebibyte = 2 ** 20;
const spec: RunSpec = {
  id: { uid: "a", run: 0 },
  namespace: "n",
  name: "a",
  module: { digest: "sha256:1", file: "/cache/a.wasm", memoryBytesMin: 0, needsProcess: [] },
  args: [],
  env: [],
  mounts: [
    { guestPath: "/r", hostPath: "/data/r", readOnly: true },
    { guestPath: "/w", hostPath: "/data/w", readOnly: false },
  ],
  network: noNetworkGrant,
  memoryBytesMax: 64 * mebibyte,
  cpuRequestMillis: 0,
  cpuLimitMillis: 200,
  isolation: "shared",
  fuelMax: undefined,
  deterministic: undefined,
  stopAloneAfterMs: undefined,
  stopNotice: "none",
  logFolder: "/state/instances/a/logs",
  logLimits: { fileBytesMax: 1, bytesPerSecondMax: 1 },
};
const needing = (...needsProcess: string[]): Partial<RunSpec> => ({
  module: { ...spec.module, needsProcess },
});

test.each([
  { name: "shared", more: {}, needs: { kind: "shared", namespace: "n" } },
  {
    name: "asked for",
    more: { isolation: "process" },
    needs: { kind: "own", isolation: "process", heapMb: undefined },
  },
  {
    name: "threads: no heap of their own",
    more: needing("threads"),
    needs: { isolation: "process", heapMb: undefined },
  },
  {
    name: "objects in the heap: as much as its memory",
    more: needing("gc"),
    needs: { isolation: "process", heapMb: 96 },
  },
  { name: "a feature of tomorrow: as if it filled the heap", more: needing("new"), needs: { heapMb: 96 } },
  {
    name: "confined: what it may see",
    more: { isolation: "confined", attachment: "/run/here/socket" },
    needs: {
      isolation: "confined",
      readOnlyPaths: ["/cache/a.wasm", "/cache/a.json", "/data/r"],
      writablePaths: ["/state/instances/a/logs", "/data/w", "/run/here"],
      network: false,
      cpuMillisMax: 200,
    },
  },
] as const)("needsOf: $name", ({ more, needs }) => {
  expect(needsOf({ ...spec, ...more })).toMatchObject(needs);
});
