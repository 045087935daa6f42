import type { Command } from "commander";
import type { CommandContext } from "../command.ts";
import { locateDocuments, type Located } from "../apply/apply-documents.ts";
import { checkMembership } from "../apply/apply-set.ts";
import { prepareSet } from "../apply/prepare-set.ts";
import { findPrunable } from "../apply/prune.ts";
import { applySetOf, type SetOptions } from "../apply/set-options.ts";
import type { Connection } from "../connection.ts";
import { diffObject, diffPruned, type DiffRequest } from "../diff/diff-object.ts";
import { externalDiffCommand, runExternalDiff, type DiffFile } from "../diff/external-diff.ts";
import { coloured, unifiedDiff } from "../diff/unified-diff.ts";
import { errorMessage } from "../../kit/errors.ts";
import { describeApplyError } from "../manifests/apply-error.ts";
import { AlreadyReported, Answered, Failure } from "../failure.ts";
import { readManifests } from "../manifests/read.ts";
import type { Terminal } from "../terminal.ts";

interface DiffOptions extends SetOptions {
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
  const { terminal, connect } = context;
  command
    .requiredOption("-f, --filename <file...>", "a file, a folder, or - for standard input")
    .option("-R, --recursive", "folders with those below them")
    .option("--server-side", "as apply --server-side would change it")
    .option("--force-conflicts", "with --server-side: take over fields that others have set")
    .option("--field-manager <name>", "who is to have set the fields")
    .option("--prune", "with --applyset: show what would be deleted, too")
    .option("--applyset <set>", "the set that the files are: NAME (of a Secret) or TYPE/NAME")
    .option("--show-managed-fields", "keep metadata.managedFields")
    .addHelpText("after", help)
    .action(async (options: DiffOptions) => {
      const request = requestOf(options);
      const applySet = applySetOf(options);
      const manifests = await readManifests(options.filename, options.recursive ?? false, terminal);
      const connection = await connect();
      const { located, failures } = await locateDocuments(manifests, context, connection);
      // Half of a set says nothing of what would be deleted.
      if (applySet !== undefined && failures > 0) throw new AlreadyReported();
      const { files, failed } = await diffAll(connection, terminal, located, { ...request, applySet });
      const code = files.length === 0 ? 0 : await show(terminal, files);
      if (failed || failures > 0) throw new AlreadyReported();
      if (code !== 0) throw new Answered(code);
    });
}

/** Every difference, in the order of the documents, and then what would be deleted. */
async function diffAll(
  connection: Connection,
  terminal: Terminal,
  documents: readonly Located[],
  request: DiffRequest & { readonly applySet: string | undefined },
): Promise<{ readonly files: readonly DiffFile[]; readonly failed: boolean }> {
  const { client } = connection;
  const set =
    request.applySet === undefined ? undefined : await prepareSet(request.applySet, documents, connection);
  const check = set ? checkMembership.bind(undefined, set.id) : () => {};
  const files: (DiffFile | undefined)[] = [];
  const uids = new Set<string>();
  let failed = false;
  for (const { manifest, target, file } of set?.members ?? documents) {
    try {
      const diff = await diffObject(client, target, manifest, request, check);
      files.push(diff.file);
      if (diff.uid !== undefined) uids.add(diff.uid);
    } catch (error) {
      failed = true;
      await terminal.err(`${describeApplyError(error, `"${file}"`)}\n`);
    }
  }
  if (set && !failed) {
    const prunable = await findPrunable(client, set.parent, set.places, uids);
    files.push(...prunable.map((one) => diffPruned(one, request)));
  }
  return { files: files.filter((file) => file !== undefined), failed };
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
  const isColoured = terminal.size() !== undefined && !terminal.env["NO_COLOR"];
  for (const { name, live = "", merged = "" } of files) {
    const names = [`LIVE/${name}`, `MERGED/${name}`] as const;
    const text = `diff -u -N ${names.join(" ")}\n${unifiedDiff({ name: names[0], text: live }, { name: names[1], text: merged })}`;
    await terminal.out(isColoured ? coloured(text) : text);
  }
  return 1;
}
