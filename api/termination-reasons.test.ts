import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { terminationReasons } from "./termination-reasons.ts";

test("terminationReasons: are what docs/JOBS.md lists for failure policies", () => {
  const page = readFileSync(new URL("../docs/JOBS.md", import.meta.url), "utf8");
  const table = page.slice(page.indexOf("| reasons | what ended"), page.indexOf("- `onExitCodes` matches"));
  const listed = Array.from(table.matchAll(/`([A-Z]\w+)`/g), ([, reason]) => reason).filter(
    (reason) => reason !== "Count",
  );
  expect(listed.sort()).toEqual([...terminationReasons].sort());
});
