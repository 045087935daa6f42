import type { Command } from "commander";
import { toTimestamp } from "../../kit/timestamps.ts";
import type { CommandContext } from "../command.ts";
import { Failure } from "../failure.ts";
import { isUnicode } from "../output/locale.ts";
import { findResource, requireResource } from "../resources/resolve.ts";
import { isOurs, type Resource } from "../resources/resource.ts";
import type { Terminal, TerminalSize } from "../terminal.ts";
import { lookAt, type TopSight, type TopSubject } from "../top/look.ts";
import { type Draw, watchTop } from "../top/watch-top.ts";

interface TopOptions {
  readonly selector?: string;
  readonly allNamespaces?: boolean;
  readonly sortBy?: string;
  readonly watch?: boolean;
  /** commander's form of --no-headers. */
  readonly headers: boolean;
}

/** Short for what `top` is about; everything else is found as `get` finds it. */
const words: Readonly<Record<string, string>> = {
  instance: "wasminstances",
  instances: "wasminstances",
  node: "wasmnodes",
  nodes: "wasmnodes",
  workload: "workloadusages",
  workloads: "workloadusages",
};

const workloadKinds: readonly string[] = ["WasmDeployment", "WasmDaemonSet", "WasmJob"];

const help = `
Of workloads, CPU(%) and MEMORY(%) are shares of what their instances requested; of nodes, of what there is. REQUESTS/S, IN-FLIGHT and
QUEUED are those of HTTP; 12+ means twelve or more: a node is silent.

Columns to sort by, numbers with the largest first:
  nodes      name, cpu, cpu-share, memory, memory-share, instances, processes
  instances  name, cpu, memory, throttled, fuel, node
  workloads  name, kind, ready, cpu, cpu-share, memory, memory-share, requests, in-flight, queued
With -A also namespace.

While it watches a terminal, q ends it and the space bar looks at once.`;

export function define(command: Command, { terminal, connect }: CommandContext): void {
  command
    .argument("[what]", "nodes, instances, workloads, or workloads of one kind, such as wasmdeployments")
    .argument("[name]", "only this one")
    .option("-l, --selector <labels>", "only objects with these labels")
    .option("-A, --all-namespaces", "those of all namespaces")
    .option("--sort-by <column>", "see below")
    .option("--no-headers", "leave out the line of column names")
    .option("-w, --watch", "look again every two seconds, until interrupted")
    .addHelpText("after", help)
    .action(async (what: string | undefined, name: string | undefined, options: TopOptions) => {
      if (what === undefined)
        throw new Failure("name what to show: wherry top nodes, instances or workloads");
      const connection = await connect();
      const subject = subjectOf(await connection.resources(), what);
      const { selector, allNamespaces = false, sortBy } = options;
      const look = lookAt(connection, subject, { name, selector, allNamespaces, sortBy });
      if (options.watch) {
        const title = `${what}${name === undefined ? "" : ` ${name}`}`;
        await watchTop(terminal, async () => drawing(terminal, title, options, await look()));
        return;
      }
      const sight = await look();
      if (sight.count === 0) return terminal.err("No resources found\n");
      const lines = sight.lines({
        showHeaders: options.headers,
        screen: screenOf(terminal, terminal.size()),
        rowsMax: Number.POSITIVE_INFINITY,
      });
      await terminal.out(`${lines.join("\n")}\n`);
    });
}

function subjectOf(resources: readonly Resource[], what: string): TopSubject {
  const resource = findResource(resources, words[what] ?? what);
  if (resource && isOurs(resource)) {
    if (resource.kind === "WasmInstance") return { kind: "instances", resource };
    if (resource.kind === "WasmNode") return { kind: "nodes", resource };
    if (resource.kind === "WorkloadUsage") return { kind: "workloads", resource, only: undefined };
    if (workloadKinds.includes(resource.kind)) {
      const usages = requireResource(resources, "workloadusages.live.wherry.dev");
      return { kind: "workloads", resource: usages, only: resource.kind };
    }
  }
  throw new Failure(
    `wherry top shows what nodes, instances or workloads use; it knows nothing of "${what}"${
      words[what] === undefined ? "" : " in this cluster"
    }`,
  );
}

function screenOf(terminal: Terminal, size: TerminalSize | undefined) {
  if (!size) return undefined;
  return {
    columns: size.columns,
    unicode: isUnicode(terminal.env),
    colours: !terminal.env["NO_COLOR"] && terminal.env["TERM"] !== "dumb",
  };
}

/** The picture of a moment: on a terminal as many rows as there is room for, below a line that says of when. */
function drawing(terminal: Terminal, title: string, { headers, sortBy }: TopOptions, sight: TopSight): Draw {
  const time = toTimestamp(terminal.clock.now());
  const nothing = sight.count === 0 ? ["No resources found"] : [];
  return (size) => {
    const form = { showHeaders: headers, screen: screenOf(terminal, size) };
    if (!size)
      return sight.count === 0 ? nothing : sight.lines({ ...form, rowsMax: Number.POSITIVE_INFINITY });
    const order = sortBy === undefined ? "" : ` by ${sortBy}`;
    const room = Math.max(1, size.rows - 1 - Number(headers));
    const isCut = sight.count > room;
    const rowsMax = isCut ? Math.max(1, room - 1) : room;
    return [
      `${time}   ${sight.count} ${title}${order}   q: quit`,
      ...(sight.count === 0 ? nothing : sight.lines({ ...form, rowsMax })),
      ...(isCut ? [`and ${sight.count - rowsMax} more`] : []),
    ];
  };
}
