import { expect, test } from "vitest";
import { parseTracingFlags } from "./tracing-options.ts";

test("parseTracingFlags: without an endpoint there are no traces", () => {
  expect(parseTracingFlags({})).toBeUndefined();
  expect(parseTracingFlags({ "otlp-sample-ratio": "1" })).toBeUndefined();
});

test.each([
  { endpoint: "http://127.0.0.1:4318", url: "http://127.0.0.1:4318/v1/traces" },
  { endpoint: "http://127.0.0.1:4318/", url: "http://127.0.0.1:4318/v1/traces" },
  { endpoint: "https://traces.example.com/otlp/", url: "https://traces.example.com/otlp/v1/traces" },
  { endpoint: "http://[::1]:4318", url: "http://[::1]:4318/v1/traces" },
])("parseTracingFlags: $endpoint is sent to $url", ({ endpoint, url }) => {
  expect(parseTracingFlags({ "otlp-endpoint": endpoint })).toEqual({ url, sampleRatio: 0.1 });
});

test.each([
  { flag: "otlp-endpoint", value: "" },
  { flag: "otlp-endpoint", value: "127.0.0.1:4318" },
  { flag: "otlp-endpoint", value: "grpc://127.0.0.1:4317" },
  { flag: "otlp-endpoint", value: "file:///etc/passwd" },
  { flag: "otlp-endpoint", value: "http://me:secret@127.0.0.1:4318" },
  { flag: "otlp-endpoint", value: "http://127.0.0.1:4318/?a=b" },
  { flag: "otlp-endpoint", value: `http://127.0.0.1/${"a".repeat(3_000)}` },
  { flag: "otlp-sample-ratio", value: "" },
  { flag: "otlp-sample-ratio", value: "1.1" },
  { flag: "otlp-sample-ratio", value: "-1" },
  { flag: "otlp-sample-ratio", value: "10%" },
  { flag: "otlp-sample-ratio", value: "1e-3" },
  { flag: "otlp-sample-ratio", value: "NaN" },
])("parseTracingFlags: refuses --$flag $value", ({ flag, value }) => {
  const expected = new RegExp(`^--${flag}: .*expected`);
  expect(() => parseTracingFlags({ "otlp-endpoint": "http://h", [flag]: value })).toThrow(expected);
});

test.each([
  { text: "0", ratio: 0 },
  { text: "1", ratio: 1 },
  { text: "0.25", ratio: 0.25 },
  { text: ".5", ratio: 0.5 },
])("parseTracingFlags: takes a ratio of $text", ({ text, ratio }) => {
  const options = parseTracingFlags({ "otlp-endpoint": "http://h", "otlp-sample-ratio": text });
  expect(options?.sampleRatio).toBe(ratio);
});
