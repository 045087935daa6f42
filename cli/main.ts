import { runCommandLine } from "./command-line.ts";
import { processTerminal } from "./terminal.ts";

/** The program: the arguments, the terminal and the exit code of this process. Called by bin.mjs. */
export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  process.exitCode = await runCommandLine(args, processTerminal());
}
