import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { callableKinds, type CallTicket } from "../../api/call-ticket.ts";
import {
  type CallAnswer,
  type CallOptions,
  FunctionCallError,
  WherryFunctions,
} from "../../client/wherry-functions.ts";
import { errorMessage } from "../../kit/errors.ts";
import { groupVersion, resourcePath } from "../client/objects.ts";
import type { CommandContext } from "../command.ts";
import { parseCount, parseDurationMs } from "../duration.ts";
import { Failure } from "../failure.ts";
import { selectWorkload } from "../resources/workload-words.ts";
import type { Terminal } from "../terminal.ts";

interface InvokeOptions {
  readonly data?: string;
  readonly file?: string;
  readonly fuel?: string;
  readonly timeout?: string;
  readonly seed?: string;
  readonly output?: string;
}

export function define(command: Command, { terminal, connect }: CommandContext): void {
  command
    .argument("<workload>", "deployment/NAME or daemonset/NAME")
    .argument("<function>", "the name by which the module exports it")
    .option("--data <text>", "the input; without this and --file there is none")
    .option("-f, --file <file>", "a file with the input, or - for the standard input")
    .option("--fuel <units>", "how much work it may do, if less than the template allows")
    .option("--timeout <duration>", "how long it may take, waking included, such as 500ms or 10s")
    .option("--seed <text>", "for a template that is deterministic: the same seed, the same answer")
    .option("-o, --output <format>", "usage: says on the standard error what the call has used")
    .addHelpText(
      "after",
      "\nPrints the output of the function as it is. How modules export functions: docs/FUNCTIONS.md.",
    )
    .action(async (workload: string, name: string, options: InvokeOptions) => {
      const limits = readLimits(options);
      const input = await readInput(terminal, options);
      const connection = await connect();
      const { client, namespace } = connection;
      const { resource, name: workloadName } = selectWorkload(await connection.resources(), workload);
      if (!Object.hasOwn(callableKinds, resource.plural))
        throw new Failure(`${resource.kind} has no functions; deployments and daemon sets may have them`);
      const askForTicket = (signal?: AbortSignal) =>
        client.request<CallTicket>({
          method: "POST",
          path: resourcePath(resource, namespace, workloadName, "calls"),
          body: { apiVersion: groupVersion(resource), kind: "CallTicket" },
          signal,
        });
      // The first one here, as who may not call is told by the API server; the next ones know of other gateways.
      let first: CallTicket | undefined = await askForTicket();
      await using functions = new WherryFunctions({
        tickets: async (_workload, signal) => {
          const { status } = first ?? (await askForTicket(signal));
          first = undefined;
          return status;
        },
        namespace,
      });
      const answer = await called(
        functions.call(`${resource.plural}/${workloadName}`, name, input, limits),
        name,
      );
      await print(terminal, answer, options.output === "usage");
    });
}

function readLimits({ fuel, timeout, seed, output }: InvokeOptions): CallOptions {
  if (output !== undefined && output !== "usage")
    throw new Failure(`--output "${output}" is not known; it can be usage`);
  return {
    ...(fuel !== undefined && { fuel: parseCount(fuel, "--fuel") }),
    ...(timeout !== undefined && { timeoutMs: parseDurationMs(timeout, "--timeout") }),
    ...(seed !== undefined && { seed }),
  };
}

async function readInput(terminal: Terminal, { data, file }: InvokeOptions): Promise<Uint8Array> {
  if (data !== undefined && file !== undefined)
    throw new Failure("give the input with --data or --file, not both");
  if (file === "-") return terminal.readStandardBytes();
  if (file === undefined) return Buffer.from(data ?? "");
  try {
    return await readFile(resolve(terminal.workingDirectory, file));
  } catch (thrown) {
    throw new Failure(`read the input from ${file}: ${errorMessage(thrown)}`, { cause: thrown });
  }
}

async function called(answer: Promise<CallAnswer>, name: string): Promise<CallAnswer> {
  try {
    return await answer;
  } catch (thrown) {
    if (!(thrown instanceof FunctionCallError)) throw thrown;
    const { reason, functionCode, message } = thrown;
    const code = functionCode === 0 ? "" : ` ${functionCode}`;
    throw new Failure(`${name}: ${reason}${code}: ${message}`, { cause: thrown });
  }
}

async function print(terminal: Terminal, { output, usage }: CallAnswer, withUsage: boolean): Promise<void> {
  if (output.byteLength > 0) await terminal.out(output);
  // Somebody is looking, and their prompt comes next.
  if (terminal.size() !== undefined && output.at(-1) !== 10) await terminal.out("\n");
  if (!withUsage) return;
  await terminal.err(usage ? `fuel ${usage.fuel}, cpu ${usage.cpuUs} µs\n` : "nothing was measured\n");
}
