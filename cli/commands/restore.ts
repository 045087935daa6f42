import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import type { CommandContext } from "../command.ts";
import { Failure } from "../failure.ts";
import { LocalCertificates } from "../local/certificates.ts";
import { StateLock } from "../local/lock.ts";
import { isRunning } from "../local/process-identity.ts";
import { servicePrograms } from "../local/program.ts";
import { defaultStateDirectory, openStateDirectory, storeFileOf } from "../local/state-directory.ts";

interface RestoreOptions {
  readonly stateDir: string;
  readonly force?: boolean;
}

export function define(command: Command, { terminal }: CommandContext): void {
  command
    .argument("<file>", 'what "wherry backup" has written')
    .option("--state-dir <folder>", 'where "wherry up" keeps everything', defaultStateDirectory)
    .option("--force", "also when there is a store already: it is kept under another name")
    .addHelpText(
      "after",
      '\nThe cluster must be stopped. Secrets can be read again only with the key under which they were stored: if\nthe state folder is a new one, put the old pki/encryption.keys there as well before "wherry up".',
    )
    .action(async (name: string, options: RestoreOptions) => {
      const from = resolve(terminal.workingDirectory, name);
      if (!existsSync(from)) throw new Failure(`${name} does not exist`);
      const root = resolve(terminal.workingDirectory, options.stateDir);
      const directory = openStateDirectory(root);
      using lock = new StateLock(directory.lock, root);
      if (lock.leftovers.some(isRunning))
        throw new Failure("processes of an earlier run are still ending; try again in a moment");
      const store = `sqlite:${storeFileOf(directory)}`;
      const keys = new LocalCertificates(directory.pki, () => terminal.clock.now()).encryptionKeyPath;
      const args = ["restore", "--store", store, "--from", from, "--encryption-key-file", keys];
      const report = await run(servicePrograms().scheduler, [...args, ...(options.force ? ["--force"] : [])]);
      const place = options.stateDir === defaultStateDirectory ? "" : ` --state-dir ${options.stateDir}`;
      await terminal.out(`${report}start the cluster with "wherry up${place}"\n`);
    });
}

/** What the program prints; its complaints as the failure. */
async function run(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [output, complaint, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  if (code === 0) return output;
  throw new Failure(complaint.trim() || `the restore ended with ${code ?? signal}`);
}
