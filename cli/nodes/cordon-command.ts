import type { Command } from "commander";
import type { CommandContext } from "../command.ts";
import { parseDryRun } from "../manifests/dry-run.ts";
import { selectNodes } from "./select-nodes.ts";
import { setSchedulable } from "./set-schedulable.ts";

/** Both commands are the same, but for what they set. */
export function defineCordon(
  command: Command,
  { terminal, connect }: CommandContext,
  unschedulable: boolean,
): void {
  command
    .argument("[node...]", "the nodes' names")
    .option("-l, --selector <labels>", "nodes with these labels")
    .option("--dry-run <mode>", "none, client (only say what would be done), or server (ask it, too)")
    .action(async (names: readonly string[], options: { selector?: string; dryRun?: string }) => {
      const dryRun = parseDryRun(options.dryRun);
      const connection = await connect();
      const usage = `${unschedulable ? "cordon" : "uncordon"} NODE [flags]`;
      const { resource, nodes } = await selectNodes(connection, names, options.selector, usage);
      if (nodes.length === 0) await terminal.out("No resources found\n");
      for (const node of nodes)
        await setSchedulable(connection, terminal, resource, node, { unschedulable, dryRun });
    });
}
