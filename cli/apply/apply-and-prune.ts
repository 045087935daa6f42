/**
 * Applies an ApplySet and deletes what is no longer in it. The order is what makes it safe: whenever this ends, however it ends, the
 * parent names every kind and namespace that has members, so that the next one finds them.
 *
 *   locate all ─▶ parent: what was and what comes ─▶ apply all ─▶ find what is old ─▶ delete it ─▶ parent: what is left
 *       └ any refused: nothing is changed              └ any refused: nothing is pruned   └ any refused: the parent stays as it is
 */
import type { CommandContext } from "../command.ts";
import { clientLimits } from "../client/limits.ts";
import { forEachLimited } from "../concurrency.ts";
import type { Connection } from "../connection.ts";
import { AlreadyReported } from "../failure.ts";
import { describeApplyError } from "../manifests/apply-error.ts";
import { objectReference } from "../resources/resource.ts";
import {
  applyDocuments,
  dryRunText,
  type ApplyMode,
  type ApplyResult,
  type Located,
} from "./apply-documents.ts";
import { shrinkExtent, writeExtent } from "./apply-set-parent.ts";
import { checkMembership, parentText } from "./apply-set.ts";
import { prepareSet } from "./prepare-set.ts";
import { findPrunable, pruneObject, type Prunable } from "./prune.ts";

export async function applyAndPrune(
  { terminal }: CommandContext,
  connection: Connection,
  documents: readonly Located[],
  mode: ApplyMode,
  options: { readonly applySet: string; readonly quiet: boolean },
): Promise<ApplyResult> {
  const { client } = connection;
  const { parent, id, members, after, all, places } = await prepareSet(
    options.applySet,
    documents,
    connection,
  );
  const version = await writeExtent(client, parent, all, mode.dryRun);

  const check = checkMembership.bind(undefined, id);
  const result = await applyDocuments(connection, terminal, members, mode, { quiet: options.quiet, check });
  if (result.failures > 0) {
    const objects = result.failures === 1 ? "1 object" : `${result.failures} objects`;
    await terminal.err(`error: nothing was pruned, because ${objects} could not be applied\n`);
    throw new AlreadyReported();
  }
  const prunable = await findPrunable(client, parent, places, result.uids).catch(async (error: unknown) => {
    const text = describeApplyError(error, parentText(parent), "looking for what is no longer in");
    await terminal.err(`${text}\nerror: nothing was pruned\n`);
    throw new AlreadyReported();
  });
  const failures = await pruneAll(prunable, async (one) => {
    await pruneObject(client, one, mode.dryRun);
    if (options.quiet) return;
    const reference = objectReference(one.resource, one.object.metadata.name);
    await terminal.out(`${reference} pruned${dryRunText(mode.dryRun)}\n`);
  });
  if (failures.length > 0) {
    await terminal.err(failures.map((failure) => `${failure}\n`).join(""));
    throw new AlreadyReported();
  }
  if (!(await shrinkExtent(client, parent, after, mode.dryRun, version)))
    await terminal.err(
      `Warning: ${parentText(parent)} was changed at the same time, perhaps by another apply of the set, and keeps all kinds that it names; the next apply puts it right\n`,
    );
  return result;
}

async function pruneAll(
  prunable: readonly Prunable[],
  prune: (one: Prunable) => Promise<void>,
): Promise<readonly string[]> {
  const failures: string[] = [];
  await forEachLimited(prunable, clientLimits.concurrency, async (one) => {
    try {
      await prune(one);
    } catch (error) {
      failures.push(describeApplyError(error, `${one.object.kind} "${one.object.metadata.name}"`, "pruning"));
    }
  });
  return failures;
}
