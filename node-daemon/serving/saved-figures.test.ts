import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import { servingLimits } from "./limits.ts";
import { SavedFiguresFile } from "./saved-figures.ts";

let root: string;
let folder: string;
const clock = new FakeClock();
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "wherry-figures-"));
  folder = join(root, "gateway");
});
afterEach(() => rmSync(root, { recursive: true }));

const opened = () => new SavedFiguresFile({ folder, clock, log: silentLog });

test("SavedFiguresFile: writes the last of what has changed, at most so often, and at the end", () => {
  const file = opened();
  const asked: string[] = [];
  const saved = (id: string) => () => {
    asked.push(id);
    return { [id]: [] };
  };
  for (const id of ["a", "b"]) file.changed(saved(id));
  expect(opened().read()).toEqual({});
  clock.advance(servingLimits.saveFiguresMs);
  expect(opened().read()).toEqual({ b: [] });
  clock.advance(servingLimits.saveFiguresMs);
  file.changed(saved("c"));
  file.close();
  file.changed(saved("d"));
  clock.advance(servingLimits.saveFiguresMs);
  expect(opened().read()).toEqual({ c: [] });
  expect(asked).toEqual(["b", "c"]);
  expect(readdirSync(folder)).toEqual(["figures.json"]);
});

test.each([
  ["half of it", '{"version":1,"sour'],
  ["another version", '{"version":0,"sources":{"a":[]}}'],
])("SavedFiguresFile: %s is nothing", (_name, text) => {
  const file = opened();
  file.changed(() => ({}));
  file.close();
  writeFileSync(join(folder, "figures.json"), text);
  expect(opened().read()).toEqual({});
});
