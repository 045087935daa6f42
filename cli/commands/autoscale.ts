import type { Command } from "commander";
import type { AutoscalerMetric, WasmDeployment } from "../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import { getObject, groupVersion, resourcePath } from "../client/objects.ts";
import { ApiStatusError } from "../client/status-error.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection.ts";
import { parseCount } from "../duration.ts";
import { Failure } from "../failure.ts";
import { parseDryRun } from "../manifests/dry-run.ts";
import { toYaml } from "../output/yaml.ts";
import { requireResource, resolveSelections } from "../resources/resolve.ts";
import { objectReference, type Resource } from "../resources/resource.ts";

interface AutoscaleOptions {
  readonly min?: string;
  readonly max: string;
  readonly cpuPercent?: string;
  readonly memoryPercent?: string;
  readonly requestsPerSecond?: string;
  readonly inFlight?: string;
  readonly queueLength?: string;
  readonly idleSeconds?: string;
  readonly name?: string;
  readonly dryRun?: string;
  readonly output?: string;
}

/** kubectl's words for what the server calls otherwise. */
const words: Readonly<Record<string, string>> = {
  deployment: "wasmdeployments",
  deployments: "wasmdeployments",
  deploy: "wasmdeployments",
};
const formats: ReadonlySet<string> = new Set(["name", "yaml", "json"]);

export function define(command: Command, { terminal, connect }: CommandContext): void {
  command
    .argument("<workload...>", "deployment/NAME, or TYPE/NAME of anything that has a scale")
    .option("--min <count>", "the fewest instances; 0 lets it go to zero when nothing happens (default: 1)")
    .requiredOption("--max <count>", "the most instances")
    .option("--cpu-percent <share>", "of the cpu that instances request (80 if nothing else is said)")
    .option("--memory-percent <share>", "of the memory that instances request")
    .option("--requests-per-second <rate>", "requests that arrive, for each instance")
    .option("--in-flight <count>", "requests begun and not answered, for each instance")
    .option("--queue-length <count>", "requests that no instance works on yet, for each instance")
    .option("--idle-seconds <count>", "with --min 0: how long nothing must have happened (default: 300)")
    .option("--name <name>", "of the autoscaler; that of the workload if left out")
    .option("--dry-run <mode>", "none, client (make nothing), or server (let it check)")
    .option("-o, --output <format>", "name, yaml or json")
    .addHelpText(
      "after",
      "\nOf several metrics the one that asks for the most counts. Metrics of Prometheus, Redis and schedules\nare declared in a manifest: docs/AUTOSCALING.md.",
    )
    .action(async (args: readonly string[], options: AutoscaleOptions) => {
      if (options.output !== undefined && !formats.has(options.output))
        throw new Failure(`--output "${options.output}" is not known; it is one of name, yaml, json`);
      const dryRun = parseDryRun(options.dryRun);
      const limits = limitsOf(options);
      const metrics = metricsOf(options);
      const connection = await connect();
      const resources = await connection.resources();
      const { resource, name } = parseWorkload(args, resources);
      const workload = await scalable(connection, resource, name);
      const autoscalers = requireResource(resources, "wasmautoscalers.wherry.dev");
      const wanted = {
        apiVersion: groupVersion(autoscalers),
        kind: autoscalers.kind,
        metadata: { name: options.name ?? name, namespace: connection.namespace },
        spec: {
          scaleTargetRef: { apiVersion: groupVersion(resource), kind: resource.kind, name },
          ...limits,
          ...(metrics.length === 0 ? {} : { metrics }),
        },
      };
      for (const doubt of doubtsOf(workload, limits.minReplicas, metrics))
        await terminal.err(`Warning: ${doubt}\n`);
      const made =
        dryRun === "client"
          ? wanted
          : await connection.client.request<ApiObject>({
              method: "POST",
              path: resourcePath(autoscalers, connection.namespace),
              query: {
                fieldManager: "wherry-autoscale",
                ...(dryRun === "server" ? { dryRun: "All" } : {}),
              },
              body: wanted,
            });
      const reference = objectReference(autoscalers, made.metadata.name);
      const suffix = dryRun === "none" ? "" : ` (${dryRun === "server" ? "server " : ""}dry run)`;
      await terminal.out(text(options.output, made, reference, suffix));
    });
}

function limitsOf(options: AutoscaleOptions) {
  const minReplicas = options.min === undefined ? 1 : parseCount(options.min, "--min");
  const maxReplicas = parseCount(options.max, "--max", 1);
  if (maxReplicas < minReplicas)
    throw new Failure(`--max ${maxReplicas} must not be less than --min ${minReplicas}`);
  if (options.idleSeconds === undefined) return { minReplicas, maxReplicas };
  if (minReplicas > 0)
    throw new Failure("--idle-seconds says when it goes to zero, which it does with --min 0 only");
  return { minReplicas, maxReplicas, idleSeconds: parseCount(options.idleSeconds, "--idle-seconds") };
}

function metricsOf(options: AutoscaleOptions): readonly AutoscalerMetric[] {
  const { cpuPercent, memoryPercent, requestsPerSecond, inFlight, queueLength } = options;
  const share = (name: "cpu" | "memory", given: string | undefined): readonly AutoscalerMetric[] =>
    given === undefined
      ? []
      : [
          {
            type: "Resource",
            resource: {
              name,
              target: {
                type: "Utilization",
                averageUtilization: parseCount(given.replace(/%$/, ""), `--${name}-percent`, 1),
              },
            },
          },
        ];
  const requests = (
    metric: "perSecond" | "inFlight" | "queueLength",
    given: string | undefined,
    option: string,
  ): readonly AutoscalerMetric[] =>
    given === undefined
      ? []
      : [
          {
            type: "Requests",
            requests: { metric, target: { type: "AverageValue", averageValue: parseAmount(given, option) } },
          },
        ];
  return [
    ...share("cpu", cpuPercent),
    ...share("memory", memoryPercent),
    ...requests("perSecond", requestsPerSecond, "--requests-per-second"),
    ...requests("inFlight", inFlight, "--in-flight"),
    ...requests("queueLength", queueLength, "--queue-length"),
  ];
}

/** A quantity above 0: 100, 2.5, 500m, 2k. */
function parseAmount(given: string, option: string): string {
  if (/^\d+(?:\.\d+)?[mkM]?$/.test(given) && /[1-9]/.test(given)) return given;
  throw new Failure(`${option} "${given}" must be a number above 0, such as 100, 2.5 or 2k`);
}

function parseWorkload(
  args: readonly string[],
  resources: readonly Resource[],
): { readonly resource: Resource; readonly name: string } {
  const [first = "", second] = args;
  const [type = "", ...rest] = first.split("/");
  const known = [[words[type.toLowerCase()] ?? type, ...rest].join("/"), ...args.slice(1)];
  const [selection, ...more] = resolveSelections(resources, known);
  const { resource, name } = selection ?? {};
  if (more.length === 0 && resource !== undefined && name !== undefined) return { resource, name };
  throw new Failure(
    `"${[first, second].filter((one) => one !== undefined).join(" ")}" names no workload; write it as deployment/NAME`,
  );
}

/** The workload, if it is there and has a number of instances to be set. */
async function scalable(
  { client, namespace }: Connection,
  resource: Resource,
  name: string,
): Promise<ApiObject> {
  const workload = await getObject(client, resource, resource.namespaced ? namespace : undefined, name);
  try {
    if (resource.namespaced) await client.request({ path: resourcePath(resource, namespace, name, "scale") });
    else throw new Failure(`${objectReference(resource, name)} is in no namespace, and cannot be scaled`);
  } catch (error) {
    if (error instanceof ApiStatusError && error.status.reason === "NotFound")
      throw new Failure(
        `${objectReference(resource, name)} cannot be scaled: a ${resource.kind} has no scale`,
      );
    throw error;
  }
  return workload;
}

/** What is allowed, and may not do what was meant. */
function doubtsOf(
  workload: ApiObject,
  minReplicas: number,
  metrics: readonly AutoscalerMetric[],
): readonly string[] {
  if (workload.kind !== "WasmDeployment") return [];
  // The server has validated it.
  const { metadata, spec } = workload as unknown as WasmDeployment;
  const { requests = {} } = spec.template.spec.resources ?? {};
  const shares =
    metrics.length === 0 ? ["cpu" as const] : metrics.flatMap(({ resource }) => resource?.name ?? []);
  const unrequested = shares.filter((name) => requests[name] === undefined);
  const usesRequests = metrics.some(({ type }) => type === "Requests");
  return [
    ...unrequested.map(
      (name) =>
        `the template of ${metadata.name} requests no ${name}, so that there is nothing to take a share of: set resources.requests.${name}`,
    ),
    ...(usesRequests && spec.template.spec.http === undefined
      ? [`${metadata.name} answers no requests: its template has no http`]
      : []),
    ...(usesRequests && minReplicas === 0 && spec.wakeOnRequest !== true
      ? [
          `requests that come at 0 wait a second or two longer than they need to: set wakeOnRequest of ${metadata.name}`,
        ]
      : []),
  ];
}

function text(output: string | undefined, made: object, reference: string, suffix: string): string {
  switch (output) {
    case "name":
      return `${reference}\n`;
    case "json":
      return `${JSON.stringify(made, null, 2)}\n`;
    case "yaml":
      return toYaml(made);
    default:
      return `${reference} autoscaled${suffix}\n`;
  }
}
