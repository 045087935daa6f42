import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { terminationReasons } from "./termination-reasons.ts";

test("terminationReasons: are what docs/JOBS.md lists for failure policies", () => {
  const page = readFileSync(new URL("../docs/JOBS.md", import.meta.url), "utf8");
  const table = page.slice(page.indexOf("| reasons | what ended"), page.indexOf("- `onExitCodes` matches"));
  const words = Array.from(table.matchAll(/`([A-Z]\w+)`/g), ([, word]) => word);
  expect(new Set(words.filter((word) => word !== "Count"))).toEqual(terminationReasons);
});
