/** Programs of the machine that confine others: where they are, and whether they work here. */
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { confinementLimits } from "./core/limits.ts";

/** Also where a service's PATH may not lead. */
const usualFolders = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"];

/** Its absolute path. */
export function findProgram(name: string, searchPath: string): string | undefined {
  const folders = searchPath.split(delimiter).filter((folder) => folder.startsWith("/"));
  for (const folder of new Set([...folders, ...usualFolders])) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not there.
    }
  }
  return undefined;
}

export type Trial =
  | { readonly kind: "works"; readonly output: string }
  | { readonly kind: "fails"; readonly why: string };

/** Runs it to its end. */
export function tryProgram(program: string, args: readonly string[]): Promise<Trial> {
  const options = { env: {}, timeout: confinementLimits.tryMs, killSignal: "SIGKILL" } as const;
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      if (!error) {
        resolve({ kind: "works", output: stdout });
        return;
      }
      const why = stderr.trim() || error.message;
      resolve({ kind: "fails", why: why.slice(0, confinementLimits.messageCharsMax) });
    });
  });
}
