import { expect, test } from "vitest";
import { cpuMillis, formatBytes, formatCpu, memoryBytes, parseQuantity } from "./quantity.ts";

test.each([
  ["250m", 250n],
  ["1", 1000n],
  [2, 2000n],
  ["1.5", 1500n],
  [".5", 500n],
  ["5.", 5000n],
  ["1e3", 1_000_000n],
  ["1E-3", 1n],
  ["12k", 12_000_000n],
  ["1Ki", 1_024_000n],
  ["1.5Ki", 1_536_000n],
  ["1n", 1n],
  ["0", 0n],
  ["-1", -1000n],
  ["+1", 1000n],
  ["1E", 10n ** 21n],
  ["8Ei", 8n * 1024n ** 6n * 1000n],
  ["0.0001", 1n],
] as const)("parseQuantity: %s", (text, milli) => {
  expect(parseQuantity(text)).toEqual({ kind: "ok", milli });
});

test.each(["", ".", "abc", "1 Gi", "1Gb", "--1", "1e", "0x10", "1e9999", "9".repeat(65), "1\n"])(
  "parseQuantity: refuses %j",
  (text) => {
    expect(parseQuantity(text).kind).toBe("invalid");
  },
);

test("cpuMillis, memoryBytes: units", () => {
  expect(cpuMillis("0.1")).toBe(100);
  expect(memoryBytes("64Mi")).toBe(67_108_864);
  expect(memoryBytes("1500m")).toBe(2);
});

test("formatCpu, formatBytes: shortest exact form", () => {
  expect([formatCpu(250), formatCpu(2000)]).toEqual(["250m", "2"]);
  expect([formatBytes(67_108_864), formatBytes(1000), formatBytes(0)]).toEqual(["64Mi", "1000", "0"]);
});
