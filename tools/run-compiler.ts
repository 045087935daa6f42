import { spawn } from "node:child_process";

/** The slowest of them takes a few seconds on a free machine. */
const compilerMsMax = 300_000;

/** Runs a compiler to its end; rejects with what it said when it fails. Resolves with its standard output. */
export function runCompiler(program: string, args: readonly string[], folder: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(program, args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: compilerMsMax,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.once("error", reject);
  child.once("close", (code, signal) => {
    if (code === 0) resolve(stdout);
    else reject(new Error(`${program} ${args.join(" ")} ended with ${code ?? signal}:\n${stdout}${stderr}`));
  });
  return promise;
}
