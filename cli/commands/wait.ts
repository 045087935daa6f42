import type { Command } from "commander";
import type { Connection } from "../connection.ts";
import type { CommandContext } from "../command.ts";
import { clientLimits } from "../client/limits.ts";
import { forEachLimited } from "../concurrency.ts";
import { parseDurationMs } from "../duration.ts";
import { describeError } from "../error-text.ts";
import { AlreadyReported, Failure } from "../failure.ts";
import { locateFiles } from "../manifests/locate-files.ts";
import { resolveSelections } from "../resources/resolve.ts";
import { kindReference } from "../resources/resource.ts";
import { waitForSelection, type WaitSelection } from "../wait/selection-wait.ts";
import { parseWaitGoal, type WaitGoal } from "../wait/wait-goal.ts";

interface WaitOptions {
  readonly for?: string;
  readonly timeout: string;
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly all?: boolean;
  readonly allNamespaces?: boolean;
}

const weekMs = 7 * 86_400_000;
/** Failures that are printed; of thousands of objects nobody reads more. */
const failuresShownMax = 50;

export function define(command: Command, context: CommandContext): void {
  const { terminal } = context;
  command
    .argument("[type...]", "TYPE/NAME..., TYPE NAME..., or TYPE with -l or --all")
    .option(
      "--for <goal>",
      "condition=TYPE[=STATUS], jsonpath='{PATH}'[=VALUE], create, delete, or current (as kstatus has it)",
    )
    .option("--timeout <duration>", "how long to wait; 0: look once, negative: a week", "30s")
    .option("-f, --filename <file...>", "wait for what the file, folder or - (standard input) declares")
    .option("-R, --recursive", "folders with those below them")
    .option("-l, --selector <labels>", "objects with these labels")
    .option("--field-selector <fields>", "objects with these fields")
    .option("--all", "all objects of the resource in the namespace")
    .option("-A, --all-namespaces", "in all namespaces")
    .action(async (args: readonly string[], options: WaitOptions) => {
      if (options.for === undefined)
        throw new Failure("say what to wait for with --for, such as --for=condition=Available");
      const goal = parseWaitGoal(options.for);
      const timeoutMs = parseTimeoutMs(options.timeout);
      const connection = await context.connect();
      const selections = options.filename
        ? await locateFiles(options.filename, options.recursive ?? false, context, connection)
        : await selectionsOfArguments(args, options, connection);
      const failures = await waitForAll(context, connection, selections, goal, timeoutMs);
      if (failures.length === 0) return;
      const shown = failures.slice(0, failuresShownMax);
      if (failures.length > shown.length)
        shown.push(
          `error: and ${failures.length - shown.length} more that failed in the same way or another`,
        );
      await terminal.err(shown.map((failure) => `${failure}\n`).join(""));
      throw new AlreadyReported();
    });
}

async function waitForAll(
  { terminal }: CommandContext,
  { client }: Connection,
  selections: readonly WaitSelection[],
  goal: WaitGoal,
  timeoutMs: number,
): Promise<readonly string[]> {
  const timeout = new AbortController();
  using _timer = terminal.clock.setTimer(timeoutMs, () => timeout.abort());
  const once = timeoutMs === 0;
  // Looking once takes as long as it takes.
  const signal = once ? new AbortController().signal : timeout.signal;
  const request = { client, terminal, goal, once, signal };
  // By selection, so that they are told in the order of the arguments.
  const told = selections.map((): readonly string[] => []);
  let count = 0;
  await forEachLimited([...selections.entries()], clientLimits.concurrency, async ([index, selection]) => {
    try {
      const outcome = await waitForSelection(request, selection);
      count += outcome.count;
      told[index] = outcome.failures.map((failure) => `error: ${failure}`);
    } catch (error) {
      told[index] = [describeError(error)];
    }
  });
  const failures = told.flat();
  if (count === 0 && failures.length === 0 && goal.kind !== "delete")
    return [
      goal.kind === "create" && !once
        ? "error: timed out waiting for the condition: no matching resources found"
        : "error: no matching resources found",
    ];
  return failures;
}

function parseTimeoutMs(text: string): number {
  if (/^0[a-z]*$/.test(text)) return 0;
  return text.startsWith("-") ? weekMs : parseDurationMs(text, "--timeout");
}

async function selectionsOfArguments(
  args: readonly string[],
  { all, allNamespaces, selector, fieldSelector }: WaitOptions,
  connection: Connection,
): Promise<readonly WaitSelection[]> {
  return resolveSelections(await connection.resources(), args).map(({ resource, name }) => {
    const selecting = all === true || selector !== undefined || fieldSelector !== undefined;
    if (name !== undefined && selecting)
      throw new Failure("name cannot be provided when --all or a selector is specified");
    if (name !== undefined && allNamespaces && resource.namespaced)
      throw new Failure("a resource cannot be retrieved by name across all namespaces");
    if (name === undefined && !selecting && !allNamespaces)
      throw new Failure(
        `name the ${kindReference(resource)} to wait for, or say which ones with --all or --selector`,
      );
    const namespace = resource.namespaced && !allNamespaces ? connection.namespace : undefined;
    return { resource, namespace, name, labelSelector: selector, fieldSelector };
  });
}
