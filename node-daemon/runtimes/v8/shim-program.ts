/**
 * The program of a shim, and the flags of the engine that it runs with.
 *
 * A shim runs JavaScript, also where the node daemon runs from TypeScript: a process that has to strip types takes twice the
 * memory and twice the time to start, and there is one for every instance that has a process of its own. So what a shim
 * imports is stripped once and kept in a folder named by its content. Such a folder is all that a confined shim needs to see,
 * and its name tells one build from another.
 */
import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installBesideSources } from "../../../kit/checkout-programs.ts";
import { copyProgram, installProgram, type Program } from "../../../kit/program.ts";
import { filesImportedBy, type ProgramFiles } from "../../../kit/program-files.ts";
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

export interface ShimProgram extends Program {
  readonly mainFile: string;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));
/** What is started, and what is loaded by its path. */
const entries = ["node-daemon/shim/main", "node-daemon/wasi/file-system/file-thread"];
const isSource = import.meta.url.endsWith(".ts");

/**
 * In `programsRoot`, where it is kept from one start to the next, and as long as a shim runs it: whatever becomes of what the
 * daemon was started from.
 */
export function installShimProgram(programsRoot: string): ShimProgram {
  const files = shimFiles();
  const stripped = isSource ? installBesideSources(files, root) : undefined;
  const program = stripped ? copyProgram(stripped, programsRoot) : installProgram(files, programsRoot);
  return { ...program, mainFile: join(program.folder, `${entries[0]}.js`) };
}

/** A shim needs no package: all that it imports is here. */
function shimFiles(): ProgramFiles {
  const code = filesImportedBy(
    entries.map((entry) => `${entry}${isSource ? ".ts" : ".js"}`),
    root,
  );
  return new Map([...code, ["package.json", '{ "type": "module" }\n']]);
}

/** Those that no shim of these builds may yet import from. */
export async function removeUnusedPrograms(program: ShimProgram, buildIds: readonly string[]): Promise<void> {
  const programsRoot = dirname(program.folder);
  for (const name of await readdir(programsRoot)) {
    const used = name === program.version || buildIds.some((buildId) => buildId.endsWith(`-${name}`));
    if (!used) await rm(join(programsRoot, name), { recursive: true, force: true });
  }
}
