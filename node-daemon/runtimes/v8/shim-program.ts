/** The program of a shim, and the flags of the engine that it runs with. Its folder is all that a confined shim needs to see. */
import { installOwnProgram, type OwnProgram } from "../../own-program.ts";
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

export type ShimProgram = OwnProgram;

/** What is started, and what is loaded by its path. */
const entries = ["node-daemon/shim/main", "node-daemon/wasi/file-system/file-thread"];

export function installShimProgram(programsRoot: string): ShimProgram {
  return installOwnProgram(entries, programsRoot);
}
