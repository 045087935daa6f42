/**
 * Programs of a checkout as JavaScript, in its `.cache` folder: written by whoever may write the sources, and shared by all that
 * is started from them. Each change of a source makes a new one, so those that were not wanted for long go again.
 */
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { installProgram, type Program } from "./program.ts";
import type { ProgramFiles } from "./program-files.ts";

/** What is made from a checkout's sources and then run, by its path from the root: not for guests. */
export const madeFolder = ".cache";

/** Of 2 to 6 MB each. */
const programsMax = 16;

/** Undefined where it cannot be made: in a checkout that is read-only, or of sources with a mistake, which then tell it themselves. */
export function installBesideSources(files: ProgramFiles, root: string): Program | undefined {
  const programsRoot = join(root, madeFolder, "programs");
  try {
    const program = installProgram(files, programsRoot);
    removeUnused(programsRoot);
    return program;
  } catch {
    return undefined;
  }
}

/** Beside the last ones, only those that a process of this machine runs stay: it may yet load a part of them. */
function removeUnused(programsRoot: string): void {
  const names = readdirSync(programsRoot);
  if (names.length <= programsMax) return;
  const byUse = names
    .map((name) => join(programsRoot, name))
    .map((folder) => ({ folder, usedMs: statSync(folder).mtimeMs }))
    .toSorted((a, b) => b.usedMs - a.usedMs);
  const running = commandLines();
  for (const { folder } of byUse.slice(programsMax)) {
    if (!running.includes(folder)) rmSync(folder, { recursive: true, force: true });
  }
}

/** Of all processes, in one text. */
function commandLines(): string {
  const ids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return ids.map(commandLine).join("\n");
}

function commandLine(id: string): string {
  try {
    return readFileSync(`/proc/${id}/cmdline`, "utf8");
  } catch {
    // It has just ended.
    return "";
  }
}
