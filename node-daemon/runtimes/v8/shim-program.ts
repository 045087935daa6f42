/**
 * The program of a shim, and the flags of the engine that it runs with.
 *
 * A shim runs JavaScript, also where the node daemon runs from TypeScript: a process that has to strip types takes twice the
 * memory and twice the time to start, and there is one for every instance that has a process of its own. So what a shim
 * imports is stripped once and kept in a folder named by its content. Such a folder is all that a confined shim needs to see,
 * and its name tells one build from another.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { tierFlags } from "./tier-flags.ts";

/**
 * The shim collects dead instances itself, as the engine does not know that mappings are scarce (see ShimBudget). A small
 * young generation saves a quarter of the memory of a sleeping instance, and costs no measurable start rate.
 */
export const nodeFlags = [
  "--disable-warning=ExperimentalWarning",
  "--expose-gc",
  "--max-semi-space-size=2",
  ...tierFlags,
];

export interface ShimProgram {
  /** Has all of it. */
  readonly folder: string;
  readonly mainFile: string;
  /** Of the program's content. */
  readonly version: string;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));
/** What is started, and what is loaded by its path. */
const entries = ["node-daemon/shim/main", "node-daemon/wasi/file-system/file-thread"];
const isSource = import.meta.url.endsWith(".ts");
const versionCharacters = 16;

/** In `programsRoot`, where it is kept from one start to the next. */
export function installShimProgram(programsRoot: string): ShimProgram {
  const sources = readSources();
  const version = versionOf(sources);
  const folder = join(programsRoot, version);
  if (!existsSync(folder)) install(sources, folder);
  return { folder, mainFile: join(folder, `${entries[0]}.js`), version };
}

/** Those that no shim of these builds may yet import from. */
export async function removeUnusedPrograms(program: ShimProgram, buildIds: readonly string[]): Promise<void> {
  const programsRoot = dirname(program.folder);
  for (const name of await readdir(programsRoot)) {
    const used = name === program.version || buildIds.some((buildId) => buildId.endsWith(`-${name}`));
    if (!used) await rm(join(programsRoot, name), { recursive: true, force: true });
  }
}

/** By path from the root: everything that the entries import, as it is written. */
function readSources(): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  const waiting = entries.map((entry) => `${entry}${isSource ? ".ts" : ".js"}`);
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (sources.has(path)) continue;
    const text = readFileSync(join(root, path), "utf8");
    sources.set(path, text);
    for (const specifier of importsOf(text)) {
      waiting.push(relative(root, resolve(root, dirname(path), specifier)));
    }
  }
  return sources;
}

/** Relative ones: the program has no others but Node's own. Types alone are not there when it runs. */
const importPattern =
  /^[ \t]*(?:import|export)\b(?!\s+type\b)(?:[^;'"]*?\bfrom)?\s*["'](\.[^"']+)["']|\bimport\(\s*["'](\.[^"']+)["']/gm;

function importsOf(text: string): readonly string[] {
  return [...text.matchAll(importPattern)].map((found) => found[1] ?? found[2] ?? "");
}

function versionOf(sources: ReadonlyMap<string, string>): string {
  const hash = createHash("sha256");
  for (const path of [...sources.keys()].sort()) hash.update(`${path}\0${sources.get(path)}\0`);
  return hash.digest("hex").slice(0, versionCharacters);
}

/** Whole or not at all: another daemon may be doing the same. */
function install(sources: ReadonlyMap<string, string>, folder: string): void {
  const temporary = `${folder}.${process.pid}.new`;
  rmSync(temporary, { recursive: true, force: true });
  for (const [path, text] of sources) {
    const target = join(temporary, isSource ? path.replace(/\.ts$/, ".js") : path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    writeFileSync(target, isSource ? toJavaScript(text) : text);
  }
  writeFileSync(join(temporary, "package.json"), '{ "type": "module" }\n');
  try {
    renameSync(temporary, folder);
  } catch (thrown) {
    rmSync(temporary, { recursive: true, force: true });
    if (!existsSync(folder)) throw thrown;
  }
}

/** Types become blanks, so that positions in stacks are those of the sources. */
function toJavaScript(text: string): string {
  return stripTypeScriptTypes(text).replaceAll(
    importPattern,
    (statement) => `${statement.slice(0, statement.lastIndexOf(".ts"))}.js${statement.slice(-1)}`,
  );
}
