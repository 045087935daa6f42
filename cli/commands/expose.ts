import type { Command } from "commander";
import type { ApiObject } from "../../api/object-meta.ts";
import { hostnamePatternProblem } from "../../api/validation/hostnames.ts";
import type { ApiClient } from "../client/api-client.ts";
import { getObject, groupVersion, resourcePath } from "../client/objects.ts";
import { observe } from "../client/observe.ts";
import type { CommandContext } from "../command.ts";
import { conditionText, findCondition, statusOf } from "../conditions.ts";
import { Failure } from "../failure.ts";
import { toYaml } from "../output/yaml.ts";
import { requireResource, resolveSelections } from "../resources/resolve.ts";
import { objectReference, type Resource } from "../resources/resource.ts";
import type { Terminal } from "../terminal.ts";

interface ExposeOptions {
  readonly host?: readonly string[];
  readonly path: string;
  readonly name?: string;
  readonly tlsSecret?: string;
  readonly output?: string;
}

/** kubectl's words for what the server calls otherwise. */
const words: Readonly<Record<string, string>> = {
  deployment: "wasmdeployments",
  deployments: "wasmdeployments",
  deploy: "wasmdeployments",
  daemonset: "wasmdaemonsets",
  daemonsets: "wasmdaemonsets",
  ds: "wasmdaemonsets",
};
const exposable: ReadonlySet<string> = new Set(["WasmDeployment", "WasmDaemonSet"]);
const formats: ReadonlySet<string> = new Set(["name", "yaml", "json"]);
/** The scheduler looks at a route at once; longer than this it is not there. */
const lookMs = 5_000;

export function define(command: Command, { terminal, connect }: CommandContext): void {
  command
    .argument("<workload...>", "deployment/NAME or daemonset/NAME")
    .option("--host <name...>", "for which hosts; every host that no other route names if left out")
    .option("--path <prefix>", "only for paths below this one", "/")
    .option("--name <name>", "of the route; that of the workload if left out")
    .option("--tls-secret <name>", "a Secret of type kubernetes.io/tls, for HTTPS")
    .option("-o, --output <format>", "name, yaml or json")
    .addHelpText(
      "after",
      "\nMakes a WasmRoute and prints where it answers. What else routes can do: docs/HTTP.md.",
    )
    .action(async (args: readonly string[], options: ExposeOptions) => {
      checkOptions(options);
      const connection = await connect();
      const { client, namespace } = connection;
      const resources = await connection.resources();
      const { resource, name } = parseWorkload(args, resources);
      const workload = await getObject(client, resource, namespace, name);
      const routes = requireResource(resources, "wasmroutes.wherry.dev");
      const created = await client.request<ApiObject>({
        method: "POST",
        path: resourcePath(routes, namespace),
        query: { fieldManager: "wherry-expose" },
        body: routeTo(routes, resource.kind, name, options),
      });
      if (!servesRequests(workload))
        await terminal.err(
          `Warning: ${objectReference(resource, name)} answers no requests yet: its template has no http\n`,
        );
      await tell(terminal, client, routes, { namespace, created }, options.output);
    });
}

function checkOptions({ host = [], path, output }: ExposeOptions): void {
  for (const name of host) {
    const problem = hostnamePatternProblem(name);
    if (problem !== undefined) throw new Failure(`--host "${name}" ${problem}`);
  }
  if (!path.startsWith("/")) throw new Failure(`--path "${path}" must begin with /, such as /shop`);
  if (output !== undefined && !formats.has(output))
    throw new Failure(`--output "${output}" is not known; it is one of name, yaml, json`);
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
  const isOne = more.length === 0 && resource !== undefined && name !== undefined;
  if (!isOne || !exposable.has(resource.kind))
    throw new Failure(
      `"${[first, second].filter((text) => text !== undefined).join(" ")}" names no deployment or daemon set; write it as deployment/NAME`,
    );
  return { resource, name };
}

function routeTo(
  routes: Resource,
  kind: string,
  workload: string,
  { host, path, name = workload, tlsSecret }: ExposeOptions,
) {
  return {
    apiVersion: groupVersion(routes),
    kind: routes.kind,
    metadata: { name },
    spec: {
      ...(host === undefined ? {} : { hostnames: host }),
      ...(tlsSecret === undefined ? {} : { tls: { secretName: tlsSecret } }),
      rules: [
        {
          ...(path === "/" ? {} : { matches: [{ path: { type: "PathPrefix", value: path } }] }),
          backendRefs: [{ kind, name: workload }],
        },
      ],
    },
  };
}

function servesRequests(workload: ApiObject): boolean {
  const spec = workload["spec"] as { readonly template?: { readonly spec?: { readonly http?: unknown } } };
  return spec.template?.spec?.http !== undefined;
}

async function tell(
  terminal: Terminal,
  client: ApiClient,
  routes: Resource,
  { namespace, created }: { readonly namespace: string; readonly created: ApiObject },
  output: string | undefined,
): Promise<void> {
  const reference = objectReference(routes, created.metadata.name);
  if (output === "name") return terminal.out(`${reference}\n`);
  if (output === "json") return terminal.out(`${JSON.stringify(created, null, 2)}\n`);
  if (output === "yaml") return terminal.out(toYaml(created));
  await terminal.out(`${reference} created\n`);
  const seen = await judged(terminal, client, routes, namespace, created.metadata.name);
  const url = seen && statusOf(seen)["url"];
  if (typeof url === "string") await terminal.out(`${url}\n`);
  for (const type of ["Accepted", "ResolvedRefs", "Programmed"]) {
    const condition = seen && findCondition(seen, type);
    if (condition !== undefined && condition.status !== "True")
      await terminal.err(`Warning: ${conditionText(condition)}\n`);
  }
  if (seen === undefined)
    await terminal.err(
      `Warning: no scheduler has looked at it yet; "wherry get ${reference}" shows its URL\n`,
    );
}

/** The route once the scheduler has said something of it; undefined: it has not in time. */
async function judged(
  terminal: Terminal,
  client: ApiClient,
  resource: Resource,
  namespace: string,
  name: string,
): Promise<ApiObject | undefined> {
  const over = new AbortController();
  using _timer = terminal.clock.setTimer(lookMs, () => over.abort());
  const where = { resource, namespace, fieldSelector: `metadata.name=${name}`, signal: over.signal };
  try {
    for await (const sighting of observe(client, terminal.clock, where))
      if (sighting.kind === "present" && findCondition(sighting.object, "Accepted")) return sighting.object;
    return undefined;
  } finally {
    over.abort();
  }
}
