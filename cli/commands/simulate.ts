import type { Command } from "commander";
import type { PlacementSimulation } from "../../api/gen/kinds.gen.ts";
import { resourcePath } from "../client/objects.ts";
import { assertNever } from "../../kit/errors.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection.ts";
import { parseCount } from "../duration.ts";
import { Failure } from "../failure.ts";
import { dryApplyObject } from "../manifests/apply-object.ts";
import { readManifests } from "../manifests/read.ts";
import { locateManifest } from "../manifests/target.ts";
import { toYaml } from "../output/yaml.ts";
import { findResource, requireResource } from "../resources/resolve.ts";
import { isOurs } from "../resources/resource.ts";
import { actionsHelp, parseActions, type SimulateAction } from "../simulate/parse-actions.ts";
import { simulationText } from "../simulate/simulation-text.ts";

interface SimulateOptions {
  readonly output?: string;
  readonly limit: string;
}

type Action = PlacementSimulation["spec"]["actions"][number];

/** Short for the workloads that have a number of instances. */
const words: Readonly<Record<string, string>> = { deployment: "wasmdeployments", job: "wasmjobs" };

const workloadKinds: ReadonlySet<string> = new Set(["WasmDaemonSet", "WasmDeployment", "WasmJob"]);

export function define(command: Command, context: CommandContext): void {
  const { terminal, connect } = context;
  command
    .argument("[action...]", "what is to be tried")
    .option("-o, --output <format>", "wide, yaml or json")
    .option("--limit <count>", "list at most so many moves, waiting workloads and nodes", "100")
    .allowUnknownOption()
    .addHelpText("after", actionsHelp)
    .action(async (given: readonly string[], options: SimulateOptions) => {
      const [first, ...rest] = given;
      if (first === "replay") {
        const { replay } = await import("../simulate/replay.ts");
        return terminal.out(await replay(rest, terminal.workingDirectory));
      }
      const { output = "" } = options;
      if (!["", "wide", "yaml", "json"].includes(output))
        throw new Failure(`--output "${output}" is not known; it is one of wide, yaml, json`);
      const wanted = parseActions(given);
      const limit = parseCount(options.limit, "--limit", 1);
      const connection = await connect();
      const actions: Action[] = [];
      for (const action of wanted) actions.push(...(await toRequest(action, connection, context)));
      const answer = await simulate(connection, actions, limit);
      await terminal.out(render(answer, output));
    });
}

async function simulate(
  connection: Connection,
  actions: readonly Action[],
  limit: number,
): Promise<PlacementSimulation> {
  const resource = requireResource(await connection.resources(), "placementsimulations.live.wherry.dev");
  const body = {
    apiVersion: "live.wherry.dev/v1alpha1",
    kind: "PlacementSimulation",
    spec: { actions, limit },
  };
  return connection.client.request<PlacementSimulation>({
    method: "POST",
    path: resourcePath(resource, undefined),
    body,
  });
}

async function toRequest(
  action: SimulateAction,
  connection: Connection,
  context: CommandContext,
): Promise<readonly Action[]> {
  switch (action.kind) {
    case "drain":
      return [{ drain: { nodeName: action.nodeName } }];
    case "remove-node":
      return [{ removeNode: { nodeName: action.nodeName } }];
    case "add-nodes": {
      const { like, count, cpu, memory } = action;
      return [
        {
          addNodes: {
            like,
            count,
            ...(cpu === undefined ? {} : { cpu }),
            ...(memory === undefined ? {} : { memory }),
          },
        },
      ];
    }
    case "scale":
      return [{ scale: await scaleOf(action, connection) }];
    case "apply":
      return applied(action, connection, context);
    default:
      return assertNever(action, "action");
  }
}

async function scaleOf(
  { workload, replicas, factor }: SimulateAction & { readonly kind: "scale" },
  connection: Connection,
): Promise<NonNullable<Action["scale"]>> {
  const [type = "", name] = workload.split("/", 2);
  const resource = findResource(await connection.resources(), words[type] ?? type);
  if (!resource || !isOurs(resource) || !name)
    throw new Failure(`scale ${workload}: name a deployment or a job, such as deployment/web`);
  const { kind } = resource;
  if (kind !== "WasmDeployment" && kind !== "WasmJob")
    throw new Failure(`scale ${workload}: a ${kind} has no number of instances`);
  return {
    kind,
    namespace: connection.namespace,
    name,
    ...(replicas === undefined ? {} : { replicas }),
    ...(factor === undefined ? {} : { factor }),
  };
}

/** Each as the server would store it: it fills in what is not said, and merges with what is there. */
async function applied(
  { files, recursive }: SimulateAction & { readonly kind: "apply" },
  connection: Connection,
  { terminal, namespaceGiven }: CommandContext,
): Promise<readonly Action[]> {
  const actions: Action[] = [];
  for (const read of await readManifests(files, recursive, terminal)) {
    if (read.kind === "invalid") throw new Failure(read.message);
    const { manifest, source } = read;
    const choice = { namespace: connection.namespace, given: namespaceGiven() };
    const target = locateManifest(manifest, source, await connection.resources(), choice);
    if (!workloadKinds.has(target.resource.kind)) {
      await terminal.err(
        `${manifest.kind}/${manifest.metadata.name} is left out: only workloads are simulated\n`,
      );
      continue;
    }
    const object = await dryApplyObject(connection.client, target, manifest);
    // The schema leaves open what the object is.
    actions.push({ apply: { object: object as unknown as Readonly<Record<string, never>> } });
  }
  if (actions.length === 0) throw new Failure(`apply -f ${files.join(" -f ")}: there is no workload in it`);
  return actions;
}

function render(answer: PlacementSimulation, output: string): string {
  switch (output) {
    case "json":
      return `${JSON.stringify(answer, undefined, 2)}\n`;
    case "yaml":
      return toYaml(answer);
    default:
      return answer.status ? simulationText(answer.status, { wide: output === "wide" }) : "";
  }
}
