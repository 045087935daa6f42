import type { Command } from "commander";
import type { Connection } from "../connection.ts";
import { clientLimits } from "../client/limits.ts";
import { listObjects } from "../client/objects.ts";
import { isNotFound } from "../client/status-error.ts";
import { forEachLimited } from "../concurrency.ts";
import { deleteObject, type DeleteTarget } from "../delete/delete-object.ts";
import { parseCount, parseDurationMs } from "../duration.ts";
import { describeError } from "../error-text.ts";
import { AlreadyReported, Failure } from "../failure.ts";
import type { CommandContext } from "../command.ts";
import { locateFiles } from "../manifests/locate-files.ts";
import { resolveSelections, type Selection } from "../resources/resolve.ts";
import { kindReference } from "../resources/resource.ts";

interface DeleteOptions {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly all?: boolean;
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly gracePeriod?: string;
  readonly now?: boolean;
  /** `--wait=false` gives the text. */
  readonly wait: boolean | string;
  readonly timeout?: string;
  readonly ignoreNotFound?: boolean;
}

export function define(command: Command, context: CommandContext): void {
  const collect = (value: string, before: readonly string[] = []) => [...before, value];
  command
    .argument("[type...]", "TYPE[,TYPE] NAME... or TYPE/NAME...")
    .option("-f, --filename <file>", "delete what the file, folder or - (standard input) declares", collect)
    .option("-R, --recursive", "folders with those below them")
    .option("--all", "all objects of the resource in the namespace")
    .option("-A, --all-namespaces", "with --all or -l: in all namespaces")
    .option("-l, --selector <labels>", "objects with these labels")
    .option("--grace-period <seconds>", "how long a guest may take to end before it is killed")
    .option("--now", "the same as --grace-period=1")
    .option("--wait [bool]", "return when the objects are gone (--wait=false: at once)", true)
    .option("--timeout <duration>", "how long to wait at most, such as 30s")
    .option("--ignore-not-found", "an object that does not exist is no error")
    .action(async (args: readonly string[], options: DeleteOptions) => {
      const gracePeriodSeconds = options.now
        ? 1
        : options.gracePeriod === undefined
          ? undefined
          : parseCount(options.gracePeriod, "--grace-period");
      const timeoutMs =
        options.timeout === undefined ? undefined : parseDurationMs(options.timeout, "--timeout");
      const connection = await context.connect();
      const targets = options.filename
        ? await locateFiles(options.filename, options.recursive ?? false, context, connection)
        : await targetsOfArguments(args, options, connection);
      if (targets.length === 0) await context.terminal.out("No resources found\n");
      const failures: string[] = [];
      await forEachLimited(targets, clientLimits.concurrency, async (target) => {
        try {
          await deleteObject(connection.client, context.terminal, target, {
            gracePeriodSeconds,
            wait: options.wait !== false && options.wait !== "false",
            timeoutMs,
          });
        } catch (error) {
          if (!(isNotFound(error) && options.ignoreNotFound)) failures.push(describeError(error));
        }
      });
      if (failures.length === 0) return;
      await context.terminal.err(failures.map((failure) => `${failure}\n`).join(""));
      throw new AlreadyReported();
    });
}

async function targetsOfArguments(
  args: readonly string[],
  options: DeleteOptions,
  connection: Connection,
): Promise<readonly DeleteTarget[]> {
  const selections = resolveSelections(await connection.resources(), args);
  const lists = await Promise.all(selections.map((selection) => expand(selection, options, connection)));
  return lists.flat();
}

async function expand(
  { resource, name }: Selection,
  options: DeleteOptions,
  { client, namespace }: Connection,
): Promise<readonly DeleteTarget[]> {
  const scope = resource.namespaced && !options.allNamespaces ? namespace : undefined;
  const listing = options.all || options.selector !== undefined;
  if (name !== undefined) {
    if (listing) throw new Failure("name cannot be provided when --all or a selector is specified");
    return [{ resource, namespace: scope, name }];
  }
  if (!listing) {
    throw new Failure(
      `name the ${kindReference(resource)} to delete, or say which ones with --all or --selector`,
    );
  }
  const { items } = await listObjects(client, resource, scope, { labelSelector: options.selector });
  return items.map(({ metadata }) => ({ resource, namespace: metadata.namespace, name: metadata.name }));
}
