/**
 * Programs that the daemon starts as processes which outlive it.
 *
 * They run JavaScript, also where the node daemon runs from TypeScript: a process that has to strip types takes twice the memory and
 * twice the time to start. So what such a program imports is stripped once and kept in a folder named by its content, whatever becomes of
 * what the daemon was started from.
 */
import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installBesideSources } from "../kit/checkout-programs.ts";
import { copyProgram, installProgram, type Program } from "../kit/program.ts";
import { filesImportedBy, type ProgramFiles } from "../kit/program-files.ts";

export interface OwnProgram extends Program {
  /** Of the first entry. */
  readonly mainFile: string;
}

const root = fileURLToPath(new URL("../", import.meta.url));
const isSource = import.meta.url.endsWith(".ts");

/**
 * In `programsRoot`, where it is kept from one start to the next. `entries`: paths from the root without their endings, of what is started and
 * of what is loaded by its path. They need no package: all that they import is ours.
 */
export function installOwnProgram(entries: readonly string[], programsRoot: string): OwnProgram {
  const files = filesOf(entries);
  const stripped = isSource ? installBesideSources(files, root) : undefined;
  const program = stripped ? copyProgram(stripped, programsRoot) : installProgram(files, programsRoot);
  return { ...program, mainFile: join(program.folder, `${entries[0]}.js`) };
}

function filesOf(entries: readonly string[]): ProgramFiles {
  const code = filesImportedBy(
    entries.map((entry) => `${entry}${isSource ? ".ts" : ".js"}`),
    root,
  );
  return new Map([...code, ["package.json", '{ "type": "module" }\n']]);
}

/** Those that no process of these builds, which end in the version, may yet import from. */
export async function removeUnusedPrograms(program: Program, buildIds: readonly string[]): Promise<void> {
  const programsRoot = dirname(program.folder);
  for (const name of await readdir(programsRoot)) {
    const used = name === program.version || buildIds.some((buildId) => buildId.endsWith(`-${name}`));
    if (!used) await rm(join(programsRoot, name), { recursive: true, force: true });
  }
}
