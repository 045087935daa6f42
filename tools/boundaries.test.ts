import { expect, test } from "vitest";
import { checkBoundaries, readImports } from "./boundaries.ts";

function check(files: Readonly<Record<string, string>>): readonly string[] {
  const sources = Object.entries(files).map(([path, text]) => ({ path, text }));
  return checkBoundaries(sources).map(({ path, line, message }) => `${path}:${line}: ${message}`);
}

const from = (specifier: string) => `import { x } from "${specifier}";\n`;

test.each([
  { name: "kit from api", path: "api/a.ts", text: from("../kit/b.ts") },
  { name: "api from a core", path: "scheduler/core/a.ts", text: from("../../api/b.ts") },
  { name: "a core from itself", path: "scheduler/core/x/a.ts", text: from("../y/b.ts") },
  { name: "Node from a core's test", path: "scheduler/core/a.test.ts", text: from("node:fs") },
  { name: "proto from a service", path: "node-daemon/session/a.ts", text: from("../../proto/b.ts") },
  { name: "anything from a test folder", path: "test/e2e/a.ts", text: from("../../scheduler/b.ts") },
])("checkBoundaries: allows $name", ({ path, text }) => {
  expect(check({ [path]: text })).toEqual([]);
});

test.each([
  { name: "api from kit", path: "kit/a.ts", text: from("../api/b.ts"), message: "kit/ may not import api/" },
  {
    name: "one service from the other",
    path: "scheduler/a.ts",
    text: from("../node-daemon/b.ts"),
    message: "scheduler/ may not import node-daemon/",
  },
  {
    name: "a service from the CLI",
    path: "cli/a.ts",
    text: from("../scheduler/b.ts"),
    message: "cli/ may not import scheduler/",
  },
  {
    name: "Node from a core",
    path: "scheduler/core/a.ts",
    text: from("node:fs"),
    message: `may not import "node:fs"`,
  },
  {
    name: "an adapter from a core",
    path: "scheduler/core/a.ts",
    text: from("../store/b.ts"),
    message: "not scheduler/store/b.ts",
  },
  {
    name: "a program",
    path: "test/e2e/a.ts",
    text: from("../../cli/main.ts"),
    message: "cli/main.ts is a program",
  },
  {
    name: "through a dynamic import",
    path: "kit/a.ts",
    text: `await import("../cli/b.ts")`,
    message: "kit/ may not import cli/",
  },
  {
    name: "through a re-export",
    path: "kit/a.ts",
    text: `export * from "../cli/b.ts";`,
    message: "kit/ may not import cli/",
  },
])("checkBoundaries: refuses $name", ({ path, text, message }) => {
  const violations = check({ [path]: `\n${text}` });
  expect(violations).toHaveLength(1);
  expect(violations[0]).toContain(`${path}:2: `);
  expect(violations[0]).toContain(message);
});

test("checkBoundaries: reports a cycle once, with its way", () => {
  const files = { "kit/a.ts": from("./b.ts"), "kit/b.ts": from("./c.ts"), "kit/c.ts": from("./a.ts") };
  expect(check(files)).toEqual(["kit/c.ts:1: import cycle: kit/a.ts -> kit/b.ts -> kit/c.ts -> kit/a.ts"]);
});

test("readImports: finds imports over several lines, and none in text", () => {
  const text = `import {\n  a,\n  b,\n} from "./x.ts";\nimport "./y.ts";\nconst s = "import nothing from here";\nimport type { T } from "./z.ts";\n`;
  const found = readImports({ path: "kit/a.ts", text });
  expect(found.map(({ target, line }) => [target, line])).toEqual([
    ["kit/x.ts", 1],
    ["kit/y.ts", 5],
    ["kit/z.ts", 7],
  ]);
});
