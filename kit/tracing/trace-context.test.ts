import { expect, test } from "vitest";
import { formatTraceparent, parseTraceparent } from "./trace-context.ts";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const span = "00f067aa0ba902b7";

test.each([
  { name: "sampled", text: `00-${trace}-${span}-01`, isSampled: true },
  { name: "not sampled", text: `00-${trace}-${span}-00`, isSampled: false },
  { name: "flags that nobody knows yet", text: `00-${trace}-${span}-ff`, isSampled: true },
  { name: "only flags that nobody knows yet", text: `00-${trace}-${span}-fe`, isSampled: false },
  { name: "a later version", text: `cc-${trace}-${span}-01`, isSampled: true },
  { name: "a later version with more", text: `01-${trace}-${span}-01-what-is-to-come`, isSampled: true },
])("parseTraceparent: takes $name", ({ text, isSampled }) => {
  expect(parseTraceparent(text)).toEqual({ traceId: trace, spanId: span, isSampled });
});

test.each([
  { name: "nothing", text: "" },
  { name: "a word", text: "yes" },
  { name: "version ff", text: `ff-${trace}-${span}-01` },
  { name: "a trace of zeros", text: `00-${"0".repeat(32)}-${span}-01` },
  { name: "a span of zeros", text: `00-${trace}-${"0".repeat(16)}-01` },
  { name: "capitals", text: `00-${trace.toUpperCase()}-${span}-01` },
  { name: "more in version 00", text: `00-${trace}-${span}-01-more` },
  { name: "more in a later version without a dash", text: `01-${trace}-${span}-01more` },
  { name: "a short trace", text: `00-${trace.slice(1)}-${span}-01` },
  { name: "a line end", text: `00-${trace}-${span}-01\n` },
  { name: "a header within it", text: `01-${trace}-${span}-01-a\r\nx: y` },
  { name: "blanks around it", text: ` 00-${trace}-${span}-01` },
  { name: "a megabyte", text: `01-${trace}-${span}-01-${"a".repeat(2 ** 20)}` },
])("parseTraceparent: refuses $name", ({ text }) => {
  expect(parseTraceparent(text)).toBeUndefined();
});

test("formatTraceparent: is read again as it was", () => {
  for (const isSampled of [true, false]) {
    const context = { traceId: trace, spanId: span, isSampled };
    expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
  }
});
