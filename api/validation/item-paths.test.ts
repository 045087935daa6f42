import { expect, test } from "vitest";
import { validateItemPaths } from "./item-paths.ts";

const messages = (...paths: readonly string[]) =>
  validateItemPaths(paths, (at) => `items[${at}]`).map(({ field, message }) => `${field}: ${message}`);

test.each(["a", "a/b", ".hidden", "a..b", "a/..b", "with space"])("validateItemPaths: takes %j", (path) => {
  expect(messages(path)).toEqual([]);
});

test.each([
  ["/etc/passwd", "must be a relative path without '..'"],
  ["..", "must be a relative path without '..'"],
  ["a/../b", "must be a relative path without '..'"],
  ["..data", "must not start with '..'"],
  ["..data/key", "must not start with '..'"],
  ["..2026_11_26", "must not start with '..'"],
  ["a//b", "must not contain empty parts or '.'"],
  ["a/", "must not contain empty parts or '.'"],
  ["./a", "must not contain empty parts or '.'"],
  ["a\0b", "must not contain NUL"],
])("validateItemPaths: refuses %j", (path, why) => {
  expect(messages(path)).toEqual([expect.stringContaining(why)]);
});

test("validateItemPaths: refuses what comes twice, and what is in the way of another", () => {
  expect(messages("a", "b", "a")).toEqual([expect.stringMatching(/^items\[2\]: Duplicate value/)]);
  expect(messages("a", "a/b/c", "d/e", "d/f")).toEqual([
    expect.stringMatching(/^items\[1\]: .*is below a, which is a file/),
  ]);
  expect(messages("a/b/c", "a/b")).toEqual([expect.stringMatching(/^items\[0\]: .*is below a\/b/)]);
});
