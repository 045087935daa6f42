import { parseArgs } from "node:util";
import { errorMessage } from "../../kit/errors.ts";
import { parseCount } from "../duration.ts";
import { Failure } from "../failure.ts";

/** What is to be tried. Names are still as they were written. */
export type SimulateAction =
  | { readonly kind: "drain" | "remove-node"; readonly nodeName: string }
  | {
      readonly kind: "add-nodes";
      readonly like: string;
      readonly count: number;
      readonly cpu: string | undefined;
      readonly memory: string | undefined;
    }
  | {
      readonly kind: "scale";
      readonly workload: string;
      readonly replicas: number | undefined;
      readonly factor: number | undefined;
    }
  | { readonly kind: "apply"; readonly files: readonly string[]; readonly recursive: boolean };

export const actionsHelp = `
What may change, one or several of it, with "and" between them:
  drain NODE                                     cordon it and stop everything on it
  remove-node NODE                               it is gone, with everything on it
  add-nodes --like NODE [--count N] [--cpu QUANTITY] [--memory QUANTITY]
  scale KIND/NAME --replicas N | --double
  apply -f FILE                                  workloads as they would be
For example: wherry simulate drain node-1 and scale deployment/web --double

Another question is what another placement profile would have made of what really happened:
  replay FILE [--placement-config FILE] [--profile NAME] [--differences N]
runs what "wherry-scheduler --record-placement FILE" has recorded, on this machine, without a cluster.`;

/** The word between actions. */
const separator = "and";

export function parseActions(words: readonly string[]): readonly SimulateAction[] {
  if (words.length === 0)
    throw new Failure(`say what is to be tried, such as "wherry simulate drain node-1"; --help has the list`);
  const actions: string[][] = [[]];
  for (const word of words)
    if (word === separator) actions.push([]);
    else actions.at(-1)?.push(word);
  return actions.map(parseAction);
}

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;

function parseAction([verb = "", ...args]: readonly string[]): SimulateAction {
  switch (verb) {
    case "drain":
    case "remove-node": {
      const { positionals } = read(verb, args, {});
      return { kind: verb, nodeName: only(verb, positionals, "a node") };
    }
    case "add-nodes": {
      const { values, positionals } = read(verb, args, { like: text, count: text, cpu: text, memory: text });
      if (positionals.length > 0) throw new Failure(`add-nodes ${positionals[0]}: write --like NODE`);
      const { like, count = "1", cpu, memory } = values;
      if (typeof like !== "string") throw new Failure("add-nodes: --like NODE says what they are like");
      return {
        kind: verb,
        like,
        count: parseCount(String(count), "--count", 1),
        cpu: textOf(cpu),
        memory: textOf(memory),
      };
    }
    case "scale": {
      const { values, positionals } = read(verb, args, { replicas: text, double: flag });
      const workload = only(verb, positionals, "a workload, such as deployment/web");
      const replicas = textOf(values["replicas"]);
      if ((replicas === undefined) === (values["double"] !== true))
        throw new Failure(`scale ${workload}: say either --replicas N or --double`);
      return {
        kind: verb,
        workload,
        replicas: replicas === undefined ? undefined : parseCount(replicas, "--replicas"),
        factor: replicas === undefined ? 2 : undefined,
      };
    }
    case "apply": {
      const options = {
        filename: { ...text, short: "f", multiple: true },
        recursive: { ...flag, short: "R" },
      };
      const { values, positionals } = read(verb, args, options);
      const { filename } = values;
      const files = Array.isArray(filename) ? filename.map(String) : [];
      if (files.length === 0 || positionals.length > 0)
        throw new Failure("apply: name files with -f, each with its own -f");
      return { kind: verb, files, recursive: values["recursive"] === true };
    }
    default:
      throw new Failure(
        `wherry simulate knows no "${verb}"; it is drain, remove-node, add-nodes, scale or apply, or replay alone`,
      );
  }
}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>["options"]>;

function read(verb: string, args: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (thrown) {
    throw new Failure(`${verb}: ${errorMessage(thrown)}`);
  }
}

function only(verb: string, positionals: readonly string[], what: string): string {
  const [first, ...rest] = positionals;
  if (first === undefined || rest.length > 0) throw new Failure(`${verb}: name ${what}, and only one`);
  return first;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
