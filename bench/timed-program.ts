import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

export interface Sample {
  readonly wallMs: number;
  /** Of all threads, in user and system mode. */
  readonly cpuMs: number;
  readonly output: string;
}

/** Undefined if it is not on the PATH. */
export function findProgram(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** A whole process, from its start to its end. The shell knows what its children have used; Node does not say. */
export async function timeProgram(program: string, args: readonly string[]): Promise<Sample> {
  const script = 'TIMEFORMAT="%3R %3U %3S"; time "$@"';
  const { stdout, stderr } = await promisify(execFile)("bash", ["-c", script, "bash", program, ...args]);
  const [wall = 0, user = 0, system = 0] = (stderr.trim().split("\n").at(-1) ?? "").split(" ").map(Number);
  return { wallMs: wall * 1000, cpuMs: (user + system) * 1000, output: stdout.trim() };
}
