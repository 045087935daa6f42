import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { installBesideSources } from "./checkout-programs.ts";
import { filesImportedBy, filesIn } from "./program-files.ts";
import { copyProgram, installProgram } from "./program.ts";

const root = mkdtempSync(join(tmpdir(), "wherry-program-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
function newFolder(): string {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  return folder;
}

const sources = {
  "package.json": '{ "type": "module" }\n',
  "a/main.ts": [
    'import type { Shape } from "./nothing.ts";',
    'import { fail } from "../b/fail.ts";',
    'export { two } from "../b/two.ts";',
    "const shape: Shape | undefined = undefined;",
    'const { late } = await import("./late.ts");',
    "console.log(late(shape));",
    "fail();",
  ].join("\n"),
  "b/fail.ts": 'export function fail(): never {\n  throw new Error("on the second line");\n}\n',
  "b/two.ts": "export const two: number = 2;\n",
  "a/late.ts": "export const late = (value: unknown): string => `late: ${String(value)}`;\n",
  "b/late.test.ts": "",
  "b/data.yaml": "a: 1\n",
};

function checkout(more: Readonly<Record<string, string>> = {}): string {
  const folder = newFolder();
  for (const [path, text] of Object.entries({ ...sources, ...more })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const filesOf = (folder: string) => filesIn(["."], folder);

test("filesImportedBy: what runs, statically or later, and no types", () => {
  const files = filesImportedBy(["a/main.ts"], checkout());
  expect([...files.keys()].sort()).toEqual(["a/late.ts", "a/main.ts", "b/fail.ts", "b/two.ts"]);
});

test("filesIn: everything below that is a part", () => {
  const files = filesIn(["b"], checkout(), (path) => !path.endsWith(".test.ts"));
  expect([...files.keys()].sort()).toEqual(["b/data.yaml", "b/fail.ts", "b/two.ts"]);
});

test("installProgram: runs, and a stack names file and line of the source", () => {
  const { folder } = installProgram(filesOf(checkout()), newFolder());
  expect(filesOf(folder).get("b/data.yaml")).toBe("a: 1\n");
  const ran = spawnSync(process.execPath, ["--no-strip-types", join(folder, "a/main.js")], {
    encoding: "utf8",
  });
  expect(ran.stdout).toBe("late: undefined\n");
  expect(ran.stderr).toMatch(
    /Error: on the second line\n +at fail \(b\/fail\.ts:2:9\)\n +at .*a\/main\.ts:7:1/,
  );
});

test("installProgram: once for each content, whoever asks", () => {
  const programsRoot = newFolder();
  const first = installProgram(filesOf(checkout()), programsRoot);
  const made = statSync(join(first.folder, "a/main.js")).mtimeMs;
  expect(installProgram(filesOf(checkout()), programsRoot)).toEqual(first);
  expect(statSync(join(first.folder, "a/main.js")).mtimeMs).toBe(made);
  const other = installProgram(filesOf(checkout({ "b/data.yaml": "a: 2\n" })), programsRoot);
  expect(readdirSync(programsRoot).sort()).toEqual([first.version, other.version].sort());
});

test.each([
  ["a file without its content", (folder: string) => writeFileSync(join(folder, "b/two.js"), "")],
  ["a file that is gone", (folder: string) => rmSync(join(folder, "b/two.js"))],
  ["a file too much", (folder: string) => writeFileSync(join(folder, "b/three.js"), "")],
  ["no digest", (folder: string) => rmSync(join(folder, "digest"))],
])("installProgram: makes a folder anew that is damaged: %s", (_name, damage) => {
  const programsRoot = newFolder();
  const files = filesOf(checkout());
  const { folder } = installProgram(files, programsRoot);
  const whole = filesOf(folder);
  damage(folder);
  expect(installProgram(files, programsRoot).folder).toBe(folder);
  expect(filesOf(folder)).toEqual(whole);
  expect(readdirSync(programsRoot)).toHaveLength(1);
});

test("installProgram: several processes at once end with the same", async () => {
  const from = checkout();
  const programsRoot = newFolder();
  const library = (name: string) => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));
  const script = `
    import { installProgram } from ${library("program.ts")};
    import { filesIn } from ${library("program-files.ts")};
    installProgram(filesIn(["."], ${JSON.stringify(from)}), ${JSON.stringify(programsRoot)});`;
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "inherit" }),
  );
  const codes = await Promise.all(children.map((child) => once(child, "exit")));
  expect(codes.map(([code]) => code as unknown)).toEqual([0, 0, 0, 0]);
  const { version } = installProgram(filesOf(from), programsRoot);
  expect(readdirSync(programsRoot)).toEqual([version]);
});

test("copyProgram: the same program in another place", () => {
  const program = installProgram(filesOf(checkout()), newFolder());
  const copy = copyProgram(program, newFolder());
  expect(copy.version).toBe(program.version);
  expect(filesOf(copy.folder)).toEqual(filesOf(program.folder));
});

test("installBesideSources: nothing where nothing can be kept, or where there is a mistake", () => {
  const closed = checkout({ ".cache": "a file" });
  expect(installBesideSources(filesOf(closed), closed)).toBeUndefined();
  const mistaken = checkout({ "b/two.ts": "export const two: = 2;\n" });
  expect(installBesideSources(filesIn(["a", "b"], mistaken), mistaken)).toBeUndefined();
  expect(existsSync(join(mistaken, ".cache"))).toBe(false);
});

test("installBesideSources: the programs that were not used for the longest go, unless they run", async () => {
  const folder = checkout();
  const programsRoot = join(folder, ".cache/programs");
  const old = Array.from({ length: 20 }, (_, index) => `old-${String(index).padStart(2, "0")}`);
  for (const [index, name] of old.entries()) {
    mkdirSync(join(programsRoot, name), { recursive: true });
    utimesSync(join(programsRoot, name), index, index);
  }
  const running = spawn(process.execPath, ["--eval", "process.stdin.resume()", join(programsRoot, "old-03")]);
  await once(running, "spawn");
  const program = installBesideSources(filesIn(["a", "b"], folder), folder);
  running.kill("SIGKILL");
  const kept = ["old-03", ...old.slice(5), program?.version ?? ""];
  expect(readdirSync(programsRoot).sort()).toEqual(kept.sort());
});
