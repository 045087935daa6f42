import type { Command } from "commander";
import { NodeDrain } from "../drain/drain-node.ts";
import { DepartureRules } from "../drain/who-leaves.ts";
import { parseDurationMs, parseCount } from "../duration.ts";
import { describeError } from "../error-text.ts";
import { AlreadyReported } from "../failure.ts";
import type { CommandContext } from "../command.ts";
import { parseDryRun } from "../manifests/dry-run.ts";
import { selectNodes } from "../nodes/select-nodes.ts";
import { dryRunText, setSchedulable } from "../nodes/set-schedulable.ts";
import { requireResource } from "../resources/resolve.ts";
import { objectReference } from "../resources/resource.ts";

interface DrainFlags {
  readonly selector?: string;
  readonly instanceSelector?: string;
  readonly podSelector?: string;
  readonly ignoreDaemonsets?: boolean;
  readonly deleteEmptydirData?: boolean;
  readonly force?: boolean;
  readonly disableEviction?: boolean;
  readonly gracePeriod?: string;
  readonly timeout?: string;
  readonly dryRun?: string;
}

export function define(command: Command, context: CommandContext): void {
  command
    .argument("[node...]", "the nodes' names")
    .option("-l, --selector <labels>", "nodes with these labels")
    .option("--instance-selector <labels>", "only instances with these labels leave")
    .option("--pod-selector <labels>", "the same, in kubectl's word")
    .option("--ignore-daemonsets", "instances of WasmDaemonSets stay; without this they are an error")
    .option("--delete-emptydir-data", "also instances with emptyDir volumes, whose content is lost")
    .option("--force", "also instances whose workload cannot be read")
    .option("--disable-eviction", "delete instances instead of evicting them: no budget is asked")
    .option("--grace-period <seconds>", "how long a guest may take to end; -1: what its template says")
    .option("--timeout <duration>", "how long to wait at most for each node, such as 5m; 0: without end")
    .option("--dry-run <mode>", "none, client (only say what would be done), or server (ask it, too)")
    .action((names: readonly string[], flags: DrainFlags) => drain(names, flags, context));
}

async function drain(
  names: readonly string[],
  flags: DrainFlags,
  { terminal, connect }: CommandContext,
): Promise<void> {
  const dryRun = parseDryRun(flags.dryRun);
  const grace = flags.gracePeriod === undefined ? -1 : parseCount(flags.gracePeriod, "--grace-period", -1);
  const timeoutMs = parseTimeoutMs(flags.timeout);
  const connection = await connect();
  const { client } = connection;
  const selected = await selectNodes(connection, names, flags.selector, "drain NODE [flags]");
  const resources = await connection.resources();
  const instances = requireResource(resources, "wasminstances");
  if (selected.nodes.length === 0) await terminal.out("No resources found\n");
  for (const node of selected.nodes)
    await setSchedulable(connection, terminal, selected.resource, node, { unschedulable: true, dryRun });

  const failed: string[] = [];
  for (const { metadata } of selected.nodes) {
    const { name } = metadata;
    const rules = new DepartureRules(client, resources, {
      ignoreDaemonSets: flags.ignoreDaemonsets ?? false,
      deleteEmptyDirData: flags.deleteEmptydirData ?? false,
      force: flags.force ?? false,
    });
    const node = new NodeDrain(name, {
      client,
      terminal,
      instances,
      rules,
      labelSelector: flags.instanceSelector ?? flags.podSelector,
      dryRun,
      gracePeriodSeconds: grace < 0 ? undefined : grace,
      disableEviction: flags.disableEviction ?? false,
    });
    const timeout = timeoutMs === undefined ? new AbortController().signal : AbortSignal.timeout(timeoutMs);
    try {
      await node.run(timeout);
      await terminal.out(`${objectReference(selected.resource, name)} drained${dryRunText(dryRun)}\n`);
    } catch (error) {
      failed.push(name);
      await terminal.err(
        `error: unable to drain node "${name}": ${describeError(error).replace(/^error: /, "")}\n`,
      );
    }
  }
  if (failed.length === 0) return;
  if (selected.nodes.length > 1)
    await terminal.err(
      `There are pending nodes to be drained:\n${failed.map((name) => ` ${name}\n`).join("")}`,
    );
  throw new AlreadyReported();
}

/** undefined: without end. */
function parseTimeoutMs(text: string | undefined): number | undefined {
  if (text === undefined || text === "0") return undefined;
  const timeoutMs = parseDurationMs(text, "--timeout");
  return timeoutMs === 0 ? undefined : timeoutMs;
}
