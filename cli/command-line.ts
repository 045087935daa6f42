import { Command, CommanderError } from "commander";
import { errorMessage } from "../kit/errors.ts";
import type { CommandContext, CommandModule } from "./command.ts";
import { AlreadyReported, Answered } from "./failure.ts";
import type { Connection, ConnectionFlags } from "./connection.ts";
import type { Terminal } from "./terminal.ts";

interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<CommandModule>;
}

/** Only the file of the command that runs is loaded: that is what keeps the start short. */
const commands: readonly CommandEntry[] = [
  {
    name: "up",
    summary: "Run a scheduler and node daemons on this machine",
    load: () => import("./commands/up.ts"),
  },
  {
    name: "apply",
    summary: "Make the cluster as the manifests say",
    load: () => import("./commands/apply.ts"),
  },
  {
    name: "diff",
    summary: "Show what apply would change",
    load: () => import("./commands/diff.ts"),
  },
  {
    name: "wait",
    summary: "Wait until objects are as they should be",
    load: () => import("./commands/wait.ts"),
  },
  {
    name: "rollout",
    summary: "Watch, pause, resume, restart and undo the rollouts of a workload",
    load: () => import("./commands/rollout.ts"),
  },
  {
    name: "create",
    summary: "Make a job now from the template of a cron job",
    load: () => import("./commands/create.ts"),
  },
  {
    name: "expose",
    summary: "Make a route to a workload, and print its URL",
    load: () => import("./commands/expose.ts"),
  },
  {
    name: "autoscale",
    summary: "Let metrics say how many instances a workload has",
    load: () => import("./commands/autoscale.ts"),
  },
  {
    name: "invoke",
    summary: "Call a function of a deployment or daemon set",
    load: () => import("./commands/invoke.ts"),
  },
  { name: "get", summary: "Show objects", load: () => import("./commands/get.ts") },
  {
    name: "describe",
    summary: "Show everything about objects, with their events",
    load: () => import("./commands/describe.ts"),
  },
  {
    name: "explain",
    summary: "Say why an instance is where it is, or why it waits and what would end that",
    load: () => import("./commands/explain.ts"),
  },
  {
    name: "top",
    summary: "Show what nodes, instances and workloads use",
    load: () => import("./commands/top.ts"),
  },
  {
    name: "logs",
    summary: "Print the log of an instance or of all instances of a workload",
    load: () => import("./commands/logs.ts"),
  },
  { name: "delete", summary: "Delete objects", load: () => import("./commands/delete.ts") },
  {
    name: "scale",
    summary: "Set how many instances a workload has",
    load: () => import("./commands/scale.ts"),
  },
  {
    name: "drain",
    summary: "Let everything leave a node, within the disruption budgets",
    load: () => import("./commands/drain.ts"),
  },
  {
    name: "cordon",
    summary: "Keep new instances away from nodes",
    load: () => import("./commands/cordon.ts"),
  },
  {
    name: "uncordon",
    summary: "Let nodes take instances again",
    load: () => import("./commands/uncordon.ts"),
  },
  {
    name: "simulate",
    summary: "Say what would happen to placement if nodes or workloads changed",
    load: () => import("./commands/simulate.ts"),
  },
  {
    name: "api-resources",
    summary: "List the resources that the server knows",
    load: () => import("./commands/api-resources.ts"),
  },
  {
    name: "backup",
    summary: "Write a copy of everything that the cluster stores to a file",
    load: () => import("./commands/backup.ts"),
  },
  {
    name: "restore",
    summary: "Put a backup in the place of a stopped cluster's store",
    load: () => import("./commands/restore.ts"),
  },
  {
    name: "version",
    summary: "Print the versions of client and server",
    load: () => import("./commands/version.ts"),
  },
];

const kubeconfigHelp = `
The cluster is the first of: --kubeconfig, KUBECONFIG, ~/.kube/config, and .wherry/kubeconfig (made by "wherry up")
of this folder or the nearest one above it.`;

/** Runs one command line and returns the exit code. `args` are those after the program's name. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  let connection: Connection | undefined;
  const program = new Command("wherry");
  const flags = () => program.opts<ConnectionFlags>();
  const context: CommandContext = {
    terminal,
    namespaceGiven: () => flags().namespace !== undefined,
    connect: async () => {
      const { Connection } = await import("./connection.ts");
      return (connection ??= new Connection(flags(), terminal));
    },
  };
  let failureCode = 1;
  defineProgram(program, context, (module) => {
    failureCode = module.failureCode ?? failureCode;
  });
  try {
    await program.parseAsync(helpLast(args), { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof Answered) return error.exitCode;
    return (await report(error, connection, terminal)) === 0 ? 0 : failureCode;
  } finally {
    await connection?.[Symbol.asyncDispose]();
  }
}

function defineProgram(
  program: Command,
  context: CommandContext,
  onLoad: (module: CommandModule) => void,
): void {
  const { terminal } = context;
  program
    .description("Schedules WebAssembly the way Kubernetes schedules containers.")
    .option("-n, --namespace <name>", "the namespace to work in")
    .option("--kubeconfig <file>", "the kubeconfig file that names the cluster")
    .option("--context <name>", "the context of the kubeconfig to use")
    .addHelpText("after", kubeconfigHelp)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void terminal.out(text),
      writeErr: (text) => void terminal.err(text),
    })
    .exitOverride()
    .hook("preSubcommand", async (_program, command) => {
      const entry = commands.find(({ name }) => name === command.name());
      const module = await entry?.load();
      if (!module) return;
      onLoad(module);
      module.define(command, context);
    });
  // `copyInheritedSettings` happens in `command`: the subcommands write and exit as the program does.
  for (const { name, summary } of commands) program.command(name).description(summary);
}

/** `help get` as `get --help`, because only a command that is about to run has its options. */
function helpLast(args: readonly string[]): readonly string[] {
  const [first, ...rest] = args;
  if (first === "help" && rest.length > 0) return [...rest, "--help"];
  return args.length === 0 ? ["--help"] : args;
}

async function report(
  failure: unknown,
  connection: Connection | undefined,
  terminal: Terminal,
): Promise<number> {
  if (failure instanceof CommanderError) return failure.exitCode;
  const [{ describeError, isUnreachable }, { connectionHint }] = await Promise.all([
    import("./error-text.ts"),
    import("./connection.ts"),
  ]);
  if (!(failure instanceof AlreadyReported)) await terminal.err(`${describeError(failure)}\n`);
  const hint = await connectionHint(connection, terminal, isUnreachable(failure)).catch(errorMessage);
  if (hint !== undefined && !isRefusal(failure)) await terminal.err(`${hint}\n`);
  return 1;
}

/** A refusal of a request that was understood needs no advice about which cluster was asked. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === "ApiStatusError";
}
