import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { Failure } from "../failure.ts";
import { servicePrograms } from "../local/program.ts";

/** Runs a recording through the scheduler's program, which has the code that decides, and returns what it prints. */
export async function replay(args: readonly string[], workingDirectory: string): Promise<string> {
  const child = spawn(process.execPath, [servicePrograms().scheduler, "replay", ...args], {
    cwd: workingDirectory,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, complaint, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  if (code === 0) return output;
  throw new Failure(complaint.trim() || `the replay ended with ${code ?? signal}`);
}
