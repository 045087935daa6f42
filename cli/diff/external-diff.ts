import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Terminal } from "../terminal.ts";

export interface DiffFile {
  readonly name: string;
  /** undefined: there is no such object. */
  readonly live: string | undefined;
  /** undefined: there would be none. */
  readonly merged: string | undefined;
}

/** The program that the user has chosen for differences, with its arguments, as kubectl reads it. */
export function externalDiffCommand(env: Terminal["env"]): readonly [string, ...string[]] | undefined {
  const text = env["WHERRY_EXTERNAL_DIFF"] || env["KUBECTL_EXTERNAL_DIFF"] || "";
  const [program, ...args] = text.split(" ").filter((word) => word !== "");
  if (program === undefined) return undefined;
  // kubectl leaves out what is no plain option; two tools that read one variable must agree.
  return [program, ...args.filter((arg) => /^[a-zA-Z0-9-=]+$/.test(arg))];
}

/** Runs the program on two folders with the objects and returns its exit code. The folders are for this user only. */
export async function runExternalDiff(
  terminal: Terminal,
  command: readonly [string, ...string[]],
  files: readonly DiffFile[],
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "wherry-diff-"));
  try {
    const [live, merged] = [join(folder, "LIVE"), join(folder, "MERGED")];
    for (const path of [live, merged]) mkdirSync(path);
    for (const file of files) {
      if (file.live !== undefined) writeFileSync(join(live, file.name), file.live, { mode: 0o600 });
      if (file.merged !== undefined) writeFileSync(join(merged, file.name), file.merged, { mode: 0o600 });
    }
    const [program, ...args] = command;
    return await terminal.run(program, [...args, live, merged]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
