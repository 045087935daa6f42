/**
 * A program in a folder named by its content, as JavaScript: a process that strips types itself keeps a compiler, 30 MB of
 * memory, and takes half as long again to start.
 *
 *   files ── hash ─▶ <programsRoot>/<version> is there, and whole ─────────────────▶ run it
 *                        │ no                                                ▲
 *                        └─ strip types ─▶ <version>.<random>.new ── rename ─┘
 *
 * - Nothing in such a folder ever changes: several processes may install and run it at once.
 * - It is whole, also after the machine lost power while it was written, or somebody tidied up in it: its digest lies in it.
 * - That is no protection. Whoever can write there can run programs as whoever starts it; so programsRoot lies beside
 *   the sources or in the state of a service, never in a folder that others write to or that guests see.
 */
import { spawnSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { WherryError } from "./errors.ts";
import { filesIn, type ProgramFiles } from "./program-files.ts";

export interface Program {
  /** Has all of it. */
  readonly folder: string;
  /** Of its content: the folder's name. */
  readonly version: string;
}

const versionCharacters = 16;
const digestName = "digest";
const stripperFile = fileURLToPath(new URL("strip-types.ts", import.meta.url));
const isTyped = (path: string) => path.endsWith(".ts");
/** Stripping takes half a second; a machine that is busy may take longer. */
const stripMsMax = 60_000;
/** The largest program has 3.5 MB, and JSON makes little more of it. */
const strippedBytesMax = 64 * 2 ** 20;

/** Throws when it is not there and cannot be written. */
export function installProgram(files: ProgramFiles, programsRoot: string): Program {
  return place(versionOf(files), programsRoot, () => withoutTypes(files));
}

/** One that is installed elsewhere, under the same version. */
export function copyProgram({ folder, version }: Program, programsRoot: string): Program {
  return place(version, programsRoot, () => read(folder));
}

function place(version: string, programsRoot: string, files: () => ProgramFiles): Program {
  const folder = join(programsRoot, version);
  if (isWhole(folder)) noteUse(folder);
  else write(files(), folder);
  return { folder, version };
}

function write(files: ProgramFiles, folder: string): void {
  const temporary = `${folder}.${randomUUID()}.new`;
  try {
    for (const [path, text] of [...files, [digestName, digestOf(files)] as const]) {
      const target = join(temporary, path);
      mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
      writeFileSync(target, text);
    }
    if (existsSync(folder) && !isWhole(folder)) rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
  } catch (thrown) {
    rmSync(temporary, { recursive: true, force: true });
    // Somebody else was faster.
    if (!isWhole(folder)) throw thrown;
  }
}

function isWhole(folder: string): boolean {
  try {
    return readFileSync(join(folder, digestName), "utf8") === digestOf(read(folder));
  } catch {
    return false;
  }
}

function read(folder: string): ProgramFiles {
  return filesIn(["."], folder, (path) => path !== digestName);
}

/** A folder's time says when it was last wanted, to whoever looks for what can go. */
function noteUse(folder: string): void {
  const now = new Date();
  try {
    utimesSync(folder, now, now);
  } catch {
    // Somebody else's, who alone can remove it.
  }
}

/** What is stripped is also of whoever strips it. */
function versionOf(files: ProgramFiles): string {
  if (![...files.keys()].some(isTyped)) return digestOf(files);
  const stripper = `${process.version}\0${readFileSync(stripperFile, "utf8")}`;
  return digestOf(new Map([...files, ["", stripper]]));
}

function digestOf(files: ProgramFiles): string {
  const hash = createHash("sha256");
  for (const path of [...files.keys()].sort()) hash.update(`${path}\0${files.get(path)}\0`);
  return hash.digest("hex").slice(0, versionCharacters);
}

function withoutTypes(files: ProgramFiles): ProgramFiles {
  const typed = [...files].filter(([path]) => isTyped(path));
  if (typed.length === 0) return files;
  const others = [...files].filter(([path]) => !isTyped(path));
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", stripperFile],
    {
      input: JSON.stringify(Object.fromEntries(typed)),
      encoding: "utf8",
      timeout: stripMsMax,
      maxBuffer: strippedBytesMax,
    },
  );
  if (error || status !== 0) {
    const why = error ? error.message : stderr;
    throw new WherryError("Internal", `cannot strip the types of ${typed.length} files: ${why}`);
  }
  const stripped = JSON.parse(stdout) as Readonly<Record<string, string>>;
  const renamed = Object.entries(stripped).map(
    ([path, text]) => [path.replace(/\.ts$/, ".js"), text] as const,
  );
  return new Map([...others, ...renamed]);
}
