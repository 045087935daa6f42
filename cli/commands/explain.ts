import type { Command } from "commander";
import type { InstanceExplanation, WasmInstance } from "../../api/gen/kinds.gen.ts";
import { listObjects, resourcePath } from "../client/objects.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection.ts";
import { parseCount } from "../duration.ts";
import { explanationText } from "../explain/explanation-text.ts";
import { groupPending, type PendingGroup, placesText } from "../explain/workload-instances.ts";
import { Failure } from "../failure.ts";
import { isOwnedBy } from "../logs/instances.ts";
import { toYaml } from "../output/yaml.ts";
import { findResource, requireResource } from "../resources/resolve.ts";
import { isOurs, type Resource } from "../resources/resource.ts";

interface ExplainOptions {
  readonly output?: string;
  readonly limit: string;
}

type Format = "text" | "wide" | "json" | "yaml";

/** Short for what `explain` is about; everything else is found as `get` finds it. */
const words: Readonly<Record<string, string>> = {
  instance: "wasminstances",
  instances: "wasminstances",
  daemonset: "wasmdaemonsets",
  deployment: "wasmdeployments",
  job: "wasmjobs",
};

export function define(command: Command, { terminal, connect }: CommandContext): void {
  command
    .argument("<what...>", "instance NAME, deployment NAME, daemonset NAME or job NAME; or TYPE/NAME")
    .option("-o, --output <format>", "wide, yaml or json")
    .option("--limit <count>", "list at most so many nodes of each sort", "50")
    .addHelpText(
      "after",
      '\nAnswers why an instance is on its node, or why it waits and what would end that; of a deployment, daemon set\nor job, of its waiting instances. Which fields a kind has is another question: "kubectl explain wasmdeployment.spec" answers it.',
    )
    .action(async (what: readonly string[], options: ExplainOptions) => {
      const format = parseFormat(options.output);
      const limit = parseCount(options.limit, "--limit", 1);
      const connection = await connect();
      const { resource, name } = await parseWhat(connection, what);
      const instances = requireResource(await connection.resources(), "wasminstances.live.wherry.dev");
      const groups =
        resource.kind === "WasmInstance"
          ? [{ name, count: 1 }]
          : await pendingOf(connection, instances, { resource, name }, async (text) => {
              if (format === "text" || format === "wide") await terminal.out(text);
            });
      const explanations = await Promise.all(
        groups.map((group) => explain(connection, instances, group.name, limit)),
      );
      await terminal.out(render(explanations, groups, format, terminal.clock.now()));
    });
}

function parseFormat(output: string | undefined): Format {
  switch (output) {
    case undefined:
    case "":
      return "text";
    case "wide":
    case "json":
    case "yaml":
      return output;
    default:
      throw new Failure(`--output "${output}" is not known; it is one of wide, yaml, json`);
  }
}

const explained: ReadonlySet<string> = new Set([
  "WasmInstance",
  "WasmDaemonSet",
  "WasmDeployment",
  "WasmJob",
]);

async function parseWhat(
  connection: Connection,
  what: readonly string[],
): Promise<{ readonly resource: Resource; readonly name: string }> {
  const [first = "", ...rest] = what;
  const [type = "", name] = first.includes("/") && rest.length === 0 ? first.split("/", 2) : what;
  const resource = findResource(await connection.resources(), words[type] ?? type);
  if (!resource || !isOurs(resource) || !explained.has(resource.kind))
    throw new Failure(
      `wherry explain tells of an instance, a deployment, a daemon set or a job, not of "${type}"; for the fields of a kind: kubectl explain ${type}`,
    );
  if (!name || rest.length > 1)
    throw new Failure(`name one ${type} to explain, such as "wherry explain ${type} hello"`);
  return { resource, name };
}

function explain(
  { client, namespace }: Connection,
  instances: Resource,
  name: string,
  limit: number,
): Promise<InstanceExplanation> {
  return client.request<InstanceExplanation>({
    path: resourcePath(instances, namespace, name, "explain"),
    query: { limit: String(limit) },
  });
}

/** Sorts of waiting instances of one workload that are explained: more than one only during a rollout. */
const groupsMax = 10;

/** One of each sort of instances that wait, the most frequent first. Says so when there are none. */
async function pendingOf(
  connection: Connection,
  instances: Resource,
  { resource, name }: { readonly resource: Resource; readonly name: string },
  print: (text: string) => Promise<void>,
): Promise<readonly PendingGroup[]> {
  const { client, namespace } = connection;
  // So that what does not exist is told as such.
  await client.request({ path: resourcePath(resource, namespace, name) });
  const { items } = await listObjects(client, instances, namespace);
  const owned = (items as readonly unknown[] as readonly WasmInstance[]).filter((instance) =>
    isOwnedBy(instance, resource.kind, name),
  );
  const groups = groupPending(owned);
  if (groups.length === 0) await print(placesText(owned, resource.kind, name));
  return groups.slice(0, groupsMax);
}

function render(
  explanations: readonly InstanceExplanation[],
  groups: readonly PendingGroup[],
  format: Format,
  now: number,
): string {
  const [only] = explanations;
  const whole = explanations.length === 1 ? only : explanations;
  switch (format) {
    case "json":
      return `${JSON.stringify(whole, undefined, 2)}\n`;
    case "yaml":
      return toYaml(whole);
    default:
      return explanations
        .map((explanation, place) => {
          const count = groups[place]?.count ?? 1;
          const head = count > 1 ? `${count} instances wait alike; this is one of them.\n\n` : "";
          return head + explanationText(explanation, { now, wide: format === "wide" });
        })
        .join("\n\n");
  }
}
