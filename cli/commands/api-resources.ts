import type { Command } from "commander";
import { groupVersion } from "../client/objects.ts";
import { Failure } from "../failure.ts";
import type { CommandContext } from "../command.ts";
import { formatColumns } from "../output/table.ts";
import type { Resource } from "../resources/resource.ts";

interface ApiResourcesOptions {
  readonly output?: string;
  readonly headers: boolean;
  readonly apiGroup?: string;
  readonly namespaced?: string;
}

export function define(command: Command, { terminal, connect }: CommandContext): void {
  command
    .option("-o, --output <format>", "wide or name")
    .option("--no-headers", "leave out the line of column names")
    .option("--api-group <group>", "only resources of this group")
    .option("--namespaced <bool>", "only resources that are (true) or are not (false) in namespaces")
    .action(async (options: ApiResourcesOptions) => {
      if (options.output !== undefined && options.output !== "wide" && options.output !== "name") {
        throw new Failure(`--output "${options.output}" is not known; it is one of wide, name`);
      }
      const connection = await connect();
      const resources = (await connection.resources())
        .filter(({ group }) => options.apiGroup === undefined || group === options.apiGroup)
        .filter(
          ({ namespaced }) => options.namespaced === undefined || String(namespaced) === options.namespaced,
        )
        .toSorted((a, b) => compare(a.group, b.group) || compare(a.plural, b.plural));
      await terminal.out(format(resources, options));
    });
}

function format(resources: readonly Resource[], { output, headers }: ApiResourcesOptions): string {
  if (output === "name") {
    return resources.map(({ plural, group }) => `${group === "" ? plural : `${plural}.${group}`}\n`).join("");
  }
  const wide = output === "wide";
  const header = [
    "NAME",
    "SHORTNAMES",
    "APIVERSION",
    "NAMESPACED",
    "KIND",
    ...(wide ? ["VERBS", "CATEGORIES"] : []),
  ];
  const rows = resources.map((resource) => [
    resource.plural,
    resource.shortNames.join(","),
    groupVersion(resource),
    String(resource.namespaced),
    resource.kind,
    ...(wide ? [resource.verbs.join(","), resource.categories.join(",")] : []),
  ]);
  return formatColumns(headers ? [header, ...rows] : rows);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
