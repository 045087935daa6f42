import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { removeUnusedPrograms } from "../../own-program.ts";
import { installShimProgram } from "./shim-program.ts";

const root = mkdtempSync(join(tmpdir(), "wherry-program-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("installShimProgram: JavaScript that imports nothing outside of its folder, installed once", () => {
  const program = installShimProgram(root);
  const files = readdirSync(program.folder, { recursive: true, encoding: "utf8" });
  const code = files.filter((file) => file.endsWith(".js"));
  expect(code).toEqual(
    expect.arrayContaining(["node-daemon/shim/main.js", "node-daemon/wasi/file-system/file-thread.js"]),
  );
  expect(files.some((file) => file.endsWith(".ts"))).toBe(false);
  const specifiers = code.flatMap((file) =>
    Array.from(
      readFileSync(join(program.folder, file), "utf8").matchAll(
        /^(?:import|export)\b(?:[^;"]*?\bfrom)? *"([^"]+)"/gm,
      ),
      (found) => found[1],
    ),
  );
  expect(specifiers.filter((specifier) => !/^(?:node:|\.{1,2}\/.*\.js$)/.test(specifier ?? ""))).toEqual([]);
  const made = statSync(program.mainFile).mtimeMs;
  expect(installShimProgram(root)).toEqual(program);
  expect(statSync(program.mainFile).mtimeMs).toBe(made);
});

test("removeUnusedPrograms: what a shim of an earlier build may still import stays", async () => {
  const program = installShimProgram(root);
  for (const version of ["used", "unused"]) mkdirSync(join(root, version));
  await removeUnusedPrograms(program, ["v26.0.0-p2-used"]);
  expect(readdirSync(root).sort()).toEqual([program.version, "used"].sort());
});
