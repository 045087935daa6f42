/** Rust to WASI preview 1, with a compiler of the machine: npm has none. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runCompiler } from "./run-compiler.ts";
import { withFolder } from "./with-folder.ts";

export const rustMissing =
  "no rustc here compiles for WASI; on Debian: apt-get install --no-install-recommends rustc libstd-rust-dev-wasm32 lld, " +
  "with rustup: rustup target add wasm32-wasip1";

interface RustCompiler {
  readonly program: string;
  readonly target: string;
}

/** Debian's stands beside one that rustup has put in front of it. The target was renamed in Rust 1.78. */
const programs = ["rustc", "/usr/bin/rustc"];
const targets = ["wasm32-wasip1", "wasm32-wasi"];

export function findRust(): RustCompiler | undefined {
  for (const program of programs) {
    for (const target of targets) if (hasTarget(program, target)) return { program, target };
  }
  return undefined;
}

/** Whether the standard library is there: every compiler knows the names of all targets. */
function hasTarget(program: string, target: string): boolean {
  try {
    const folder = execFileSync(program, ["--print", "target-libdir", "--target", target], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return readdirSync(folder.trim()).some((file) => file.startsWith("libstd-"));
  } catch {
    return false;
  }
}

/** Compiles one self-contained Rust file for size. */
export function compileRust(sourceFile: string): Promise<Uint8Array> {
  const compiler = findRust();
  if (!compiler) throw new Error(rustMissing);
  return withFolder(async (folder) => {
    const target = join(folder, "guest.wasm");
    const flags = ["--edition=2021", "-Copt-level=s", "-Clto", "-Cpanic=abort", "-Cstrip=symbols"];
    // Panics name their source file, which is to be the same wherever it was compiled.
    const paths = [`--remap-path-prefix=${dirname(sourceFile)}=.`];
    const args = [`--target=${compiler.target}`, ...flags, ...paths, sourceFile, "-o", target];
    await runCompiler(compiler.program, args, folder);
    return readFile(target);
  });
}
