import type { Command } from "commander";
import { ApiStatusError, statusText } from "../client/status-error.ts";
import { describeError } from "../error-text.ts";
import { AlreadyReported, Failure } from "../failure.ts";
import type { CommandContext } from "../command.ts";
import { applyObject } from "../manifests/apply-object.ts";
import { readManifests } from "../manifests/read.ts";
import { locateManifest } from "../manifests/target.ts";
import { objectReference } from "../resources/resource.ts";

interface ApplyOptions {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
  readonly dryRun?: string;
}

export function define(command: Command, context: CommandContext): void {
  const { terminal, connect, namespaceGiven } = context;
  command
    .requiredOption("-f, --filename <file...>", "a file, a folder, or - for standard input")
    .option("-R, --recursive", "folders with those below them")
    .option("--dry-run <mode>", "server: check and print, but change nothing")
    .action(async (options: ApplyOptions) => {
      const dryRun = parseDryRun(options.dryRun);
      const manifests = await readManifests(options.filename, options.recursive ?? false, terminal);
      const connection = await connect();
      let failed = false;
      for (const read of manifests) {
        if (read.kind === "invalid") {
          failed = true;
          await terminal.err(`error: ${read.message}\n`);
          continue;
        }
        const { manifest, source } = read;
        try {
          const choice = { namespace: connection.namespace, given: namespaceGiven() };
          const target = locateManifest(manifest, source, await connection.resources(), choice);
          const outcome = await applyObject(connection.client, target, manifest, dryRun);
          const suffix = dryRun ? " (server dry run)" : "";
          await terminal.out(
            `${objectReference(target.resource, manifest.metadata.name)} ${outcome}${suffix}\n`,
          );
        } catch (error) {
          // A document that is refused says nothing about the others; a server that is away does.
          if (!(error instanceof ApiStatusError || error instanceof Failure)) throw error;
          failed = true;
          await terminal.err(`${applyErrorText(error, source.file)}\n`);
        }
      }
      if (failed) throw new AlreadyReported();
    });
}

function parseDryRun(mode: string | undefined): boolean {
  if (mode === undefined || mode === "none") return false;
  if (mode === "server") return true;
  throw new Failure(`--dry-run "${mode}" is not known; it is none or server`);
}

function applyErrorText(error: ApiStatusError | Failure, file: string): string {
  return error instanceof ApiStatusError
    ? statusText(error, `error when applying "${file}"`)
    : describeError(error);
}
