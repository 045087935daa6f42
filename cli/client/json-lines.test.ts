import { expect, test } from "vitest";
import { lines } from "./json-lines.ts";

async function split(chunks: readonly string[], bytesMax = 100): Promise<readonly string[]> {
  async function* stream() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const result: string[] = [];
  for await (const line of lines(stream(), bytesMax)) result.push(line.toString());
  return result;
}

test.each([
  { name: "several in one chunk", chunks: ["a\nb\n"], expected: ["a", "b"] },
  { name: "one over several chunks", chunks: ["a", "b", "c\n"], expected: ["abc"] },
  { name: "an end between chunks", chunks: ["a", "\n", "b"], expected: ["a", "b"] },
  { name: "empty lines", chunks: ["\n\n"], expected: ["", ""] },
  { name: "nothing", chunks: [], expected: [] },
])("lines: $name", async ({ chunks, expected }) => {
  expect(await split(chunks)).toEqual(expected);
});

test("lines: refuses a line above the bound", async () => {
  await expect(split(["x".repeat(60), "x".repeat(60)])).rejects.toMatchObject({ code: "LineTooLong" });
});
