import { expect, test } from "vitest";
import {
  canonicalQuantity,
  cpuMillis,
  formatBytes,
  formatCpu,
  formatQuantity,
  memoryBytes,
  parseQuantity,
} from "./quantity.ts";

test.each([
  { name: "millicores", text: "250m", milli: 250n },
  { name: "whole number", text: "2", milli: 2000n },
  { name: "JSON number", text: 2, milli: 2000n },
  { name: "JSON fraction", text: 0.1, milli: 100n },
  { name: "fraction", text: "1.5", milli: 1500n },
  { name: "no whole part", text: ".5", milli: 500n },
  { name: "no fraction after the point", text: "1.", milli: 1000n },
  { name: "binary unit", text: "64Mi", milli: 67_108_864_000n },
  { name: "binary unit of a fraction", text: "1.5Ki", milli: 1_536_000n },
  { name: "decimal unit", text: "1k", milli: 1_000_000n },
  { name: "decimal exponent", text: "1e3", milli: 1_000_000n },
  { name: "E is exa", text: "1E", milli: 10n ** 21n },
  { name: "negative exponent", text: "5E-1", milli: 500n },
  { name: "finer than milli is rounded up", text: "1n", milli: 1n },
  { name: "negative, away from zero", text: "-1n", milli: -1n },
  { name: "plus sign", text: "+1", milli: 1000n },
  { name: "largest", text: "9223372036854775807", milli: 9_223_372_036_854_775_807_000n },
])("parseQuantity: $name", ({ text, milli }) => {
  expect(parseQuantity(text)).toEqual({ kind: "ok", milli });
});

test.each([
  { name: "empty", text: "" },
  { name: "words", text: "lots" },
  { name: "space", text: "1 Mi" },
  { name: "unknown unit", text: "64MB" },
  { name: "lower-case ki", text: "1ki" },
  { name: "only a point", text: "." },
  { name: "not a number", text: Number.NaN },
  { name: "infinity", text: Number.POSITIVE_INFINITY },
  { name: "huge exponent", text: "1e999999" },
  { name: "beyond 2^63", text: "9223372036854775808" },
  { name: "very long", text: "1".repeat(1000) },
  { name: "fractional exponent", text: "1e1.5" },
])("parseQuantity: refuses $name", ({ text }) => {
  expect(parseQuantity(text).kind).toBe("invalid");
});

test("cpuMillis and memoryBytes: whole units, rounded up", () => {
  expect(cpuMillis("0.2501")).toBe(251);
  expect(memoryBytes("100m")).toBe(1);
  expect(memoryBytes("1Gi")).toBe(1_073_741_824);
  expect(() => memoryBytes("nonsense")).toThrow("before it was validated");
});

test.each([
  { millis: 250, text: "250m" },
  { millis: 2000, text: "2" },
  { millis: 0, text: "0" },
])("formatCpu: $millis is $text", ({ millis, text }) => {
  expect(formatCpu(millis)).toBe(text);
});

test.each([
  { bytes: 67_108_864, text: "64Mi" },
  { bytes: 1000, text: "1000" },
  { bytes: 1536, text: "1536" },
  { bytes: 0, text: "0" },
])("formatBytes: $bytes is $text", ({ bytes, text }) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  { text: "1000m", canonical: "1" },
  { text: "0.5", canonical: "500m" },
  { text: 2, canonical: "2" },
  { text: 0.1, canonical: "100m" },
  { text: "1500", canonical: "1500" },
  { text: "2000", canonical: "2k" },
  { text: "1024Mi", canonical: "1Gi" },
  { text: "1.5Gi", canonical: "1536Mi" },
  { text: "1Ki", canonical: "1Ki" },
  { text: "0.5Ki", canonical: "512" },
  { text: "1.1Ki", canonical: "1126400m" },
  { text: "0Gi", canonical: "0" },
  { text: "1e3", canonical: "1e3" },
  { text: "12e2", canonical: "1200" },
  { text: "1E", canonical: "1E" },
  { text: "100n", canonical: "100n" },
  { text: "-2000m", canonical: "-2" },
  { text: "+1", canonical: "1" },
  { text: "lots", canonical: "lots" },
])("canonicalQuantity: $text is $canonical", ({ text, canonical }) => {
  expect(canonicalQuantity(text)).toBe(canonical);
});

test.each([
  { milli: 950n, format: "decimal", text: "950m" },
  { milli: 1_000n, format: "decimal", text: "1" },
  { milli: 0n, format: "binary", text: "0" },
  { milli: BigInt(64 * 2 ** 20) * 1_000n, format: "binary", text: "64Mi" },
  { milli: 1_025_000n, format: "binary", text: "1025" },
] as const)("formatQuantity: $milli thousandths are $text", ({ milli, format, text }) => {
  expect(formatQuantity(milli, format)).toBe(text);
});
