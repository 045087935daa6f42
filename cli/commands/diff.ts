import type { Command } from "commander";
import type { CommandContext } from "../command.ts";
import { diffObject, type DiffRequest } from "../diff/diff-object.ts";
import { externalDiffCommand, runExternalDiff, type DiffFile } from "../diff/external-diff.ts";
import { coloured, unifiedDiff } from "../diff/unified-diff.ts";
import { errorMessage } from "../../kit/errors.ts";
import { describeApplyError } from "../manifests/apply-error.ts";
import { AlreadyReported, Answered, Failure } from "../failure.ts";
import { readManifests } from "../manifests/read.ts";
import { locateManifest } from "../manifests/target.ts";
import type { Terminal } from "../terminal.ts";

interface DiffOptions {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
  readonly serverSide?: boolean;
  readonly forceConflicts?: boolean;
  readonly fieldManager?: string;
  readonly showManagedFields?: boolean;
}

/** 1 means that there are differences. */
export const failureCode = 2;

const help = `
Exits with 0 when there is no difference, with 1 when there are some, and with more when something failed.
WHERRY_EXTERNAL_DIFF, or else KUBECTL_EXTERNAL_DIFF, names another program to show them: it gets two folders.
The values of Secrets are never shown. On a terminal there are colours, unless NO_COLOR is set.`;

export function define(command: Command, context: CommandContext): void {
  const { terminal, connect, namespaceGiven } = context;
  command
    .requiredOption("-f, --filename <file...>", "a file, a folder, or - for standard input")
    .option("-R, --recursive", "folders with those below them")
    .option("--server-side", "as apply --server-side would change it")
    .option("--force-conflicts", "with --server-side: take over fields that others have set")
    .option("--field-manager <name>", "who is to have set the fields")
    .option("--show-managed-fields", "keep metadata.managedFields")
    .addHelpText("after", help)
    .action(async (options: DiffOptions) => {
      const request = requestOf(options);
      const manifests = await readManifests(options.filename, options.recursive ?? false, terminal);
      const connection = await connect();
      const files: DiffFile[] = [];
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
          const file = await diffObject(connection.client, target, manifest, request);
          if (file) files.push(file);
        } catch (error) {
          failed = true;
          await terminal.err(`${describeApplyError(error, `"${source.file}"`)}\n`);
        }
      }
      const code = files.length === 0 ? 0 : await show(terminal, files);
      if (failed) throw new AlreadyReported();
      if (code !== 0) throw new Answered(code);
    });
}

function requestOf(options: DiffOptions): DiffRequest {
  const { serverSide = false, forceConflicts = false, fieldManager, showManagedFields = false } = options;
  if (forceConflicts && !serverSide) throw new Failure("--force-conflicts only works with --server-side");
  return { serverSide, force: forceConflicts, fieldManager, showManagedFields };
}

async function show(terminal: Terminal, files: readonly DiffFile[]): Promise<number> {
  const command = externalDiffCommand(terminal.env);
  if (command) {
    return runExternalDiff(terminal, command, files).catch((error: unknown) => {
      throw new Failure(
        `failed to run ${JSON.stringify(command.join(" "))} of WHERRY_EXTERNAL_DIFF or KUBECTL_EXTERNAL_DIFF: ${errorMessage(error)}`,
        { cause: error },
      );
    });
  }
  const isColoured = terminal.columns() !== undefined && !terminal.env["NO_COLOR"];
  for (const { name, live = "", merged } of files) {
    const names = [`LIVE/${name}`, `MERGED/${name}`] as const;
    const text = `diff -u -N ${names.join(" ")}\n${unifiedDiff({ name: names[0], text: live }, { name: names[1], text: merged })}`;
    await terminal.out(isColoured ? coloured(text) : text);
  }
  return 1;
}
