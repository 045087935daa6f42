import { expect, test } from "vitest";
import { parseDurationMs } from "../duration.ts";
import { humanDuration } from "../../kit/human-duration.ts";
import { cellText, ColumnLayout } from "./table.ts";
import { toYaml } from "./yaml.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

test.each([
  { ms: 0, expected: "0s" },
  { ms: -5000, expected: "<invalid>" },
  { ms: 119_000, expected: "119s" },
  { ms: 2 * minute, expected: "2m" },
  { ms: 9 * minute + 5000, expected: "9m5s" },
  { ms: 10 * minute + 5000, expected: "10m" },
  { ms: 3 * hour, expected: "3h" },
  { ms: 7 * hour + 30 * minute, expected: "7h30m" },
  { ms: 47 * hour, expected: "47h" },
  { ms: 3 * day + hour, expected: "3d1h" },
  { ms: 100 * day, expected: "100d" },
  { ms: 800 * day, expected: "2y70d" },
  { ms: 3650 * day, expected: "10y" },
])("humanDuration: $ms is $expected", ({ ms, expected }) => {
  expect(humanDuration(ms)).toBe(expected);
});

test.each([
  { text: "90s", ms: 90_000 },
  { text: "1h30m", ms: 90 * minute },
  { text: "1.5m", ms: 90_000 },
])("parseDurationMs: $text", ({ text, ms }) => {
  expect(parseDurationMs(text, "--since")).toBe(ms);
});

test.each(["", "5", "m", "5m x", "-5m"])("parseDurationMs: refuses %o", (text) => {
  expect(() => parseDurationMs(text, "--since")).toThrow("--since");
});

test("ColumnLayout: widths only grow", () => {
  const layout = new ColumnLayout();
  expect(layout.format([["a", "b"]])).toBe("a     b\n");
  expect(layout.format([["long-name", "b"]])).toBe("long-name   b\n");
  expect(layout.format([["a", "b"]])).toBe("a           b\n");
});

test.each([
  { name: "nothing", value: null, expected: "" },
  { name: "a number", value: 3, expected: "3" },
  { name: "several lines", value: "a\nb", expected: "a..." },
  { name: "escape sequences", value: "\u001b[31mred", expected: "\\x1b[31mred" },
])("cellText: $name", ({ value, expected }) => {
  expect(cellText(value)).toBe(expected);
});

test("toYaml: sorts keys and quotes what YAML 1.1 would read otherwise", () => {
  expect(toYaml({ b: ["x"], a: "yes", c: "0644", d: "1" })).toBe(`a: "yes"\nb:\n- x\nc: "0644"\nd: "1"\n`);
});
