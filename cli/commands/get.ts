import type { Command } from "commander";
import { Failure } from "../failure.ts";
import type { CommandContext } from "../command.ts";
import type { GetOptions, OutputFormat } from "../get/request.ts";
import { resolveSelections, type Selection } from "../resources/resolve.ts";

export function define(command: Command, { terminal, connect }: CommandContext): void {
  command
    .argument("<type...>", "TYPE[,TYPE] [NAME...] or TYPE/NAME...; TYPE may be a category such as wherry")
    .option("-o, --output <format>", "wide, yaml, json or name")
    .option("-w, --watch", "after listing, print every change until interrupted")
    .option("--watch-only", "print changes without listing first")
    .option("-l, --selector <labels>", "only objects with these labels, such as app=web,tier!=test")
    .option("--field-selector <fields>", "only objects with these fields, such as metadata.name=x")
    .option("-A, --all-namespaces", "objects of all namespaces")
    .option("--no-headers", "leave out the line of column names")
    .option("--show-labels", "add a column with the labels")
    .option("--show-managed-fields", "keep metadata.managedFields in yaml and json")
    .option("--ignore-not-found", "an object that does not exist is no error")
    .action(async (args: readonly string[], options: GetOptions) => {
      const format = parseFormat(options.output);
      const connection = await connect();
      const selections = resolveSelections(await connection.resources(), args);
      checkNames(selections, options);
      const targets = selections.map((selection) => ({
        selection,
        namespace: selection.resource.namespaced && !options.allNamespaces ? connection.namespace : undefined,
      }));
      const { printObjects } = await import("../get/print-objects.ts");
      if (options.watch || options.watchOnly) {
        const { watchObjects } = await import("../get/watch-objects.ts");
        await watchObjects(connection.client, terminal, targets, { ...options, format });
      } else {
        await printObjects(connection.client, terminal, targets, { ...options, format });
      }
    });
}

function parseFormat(output: string | undefined): OutputFormat {
  switch (output) {
    case undefined:
    case "":
      return "table";
    case "wide":
    case "yaml":
    case "json":
    case "name":
      return output;
    default:
      throw new Failure(`--output "${output}" is not known; it is one of wide, yaml, json, name`);
  }
}

function checkNames(selections: readonly Selection[], options: GetOptions): void {
  const named = selections.some(({ name }) => name !== undefined);
  if (named && options.selector !== undefined) {
    throw new Failure("name cannot be provided when a selector is specified");
  }
  if (named && options.allNamespaces) {
    throw new Failure("a resource cannot be retrieved by name across all namespaces");
  }
  if ((options.watch || options.watchOnly) && selections.length > 1) {
    throw new Failure("watch is only supported on individual resources and resource collections");
  }
}
