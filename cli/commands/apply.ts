import type { Command } from "commander";
import type { ApiObject } from "../../api/object-meta.ts";
import { applyDocuments, locateDocuments, type ApplyMode } from "../apply/apply-documents.ts";
import { applySetOf, type SetOptions } from "../apply/set-options.ts";
import { AlreadyReported, Failure } from "../failure.ts";
import type { CommandContext } from "../command.ts";
import { withoutManagedFields } from "../manifests/apply-object.ts";
import { parseDryRun } from "../manifests/dry-run.ts";
import type { Manifest } from "../manifests/manifest.ts";
import { readManifests } from "../manifests/read.ts";
import { toYaml } from "../output/yaml.ts";

interface ApplyOptions extends SetOptions {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
  readonly dryRun?: string;
  readonly serverSide?: boolean;
  readonly forceConflicts?: boolean;
  readonly fieldManager?: string;
  readonly output?: string;
}

export function define(command: Command, context: CommandContext): void {
  const { terminal, connect } = context;
  command
    .requiredOption("-f, --filename <file...>", "a file, a folder, or - for standard input")
    .option("-R, --recursive", "folders with those below them")
    .option(
      "--dry-run <mode>",
      "client: say what would be done; server: have the server check it, too; neither changes anything",
    )
    .option("--server-side", "let the server merge, which knows who has set which field")
    .option("--force-conflicts", "with --server-side: take over fields that others have set otherwise")
    .option("--field-manager <name>", "who has set the fields (kubectl-client-side-apply, kubectl)")
    .option("--prune", "with --applyset: delete what was in the set before and is no longer")
    .option("--applyset <set>", "the set that the files are: NAME (of a Secret) or TYPE/NAME")
    .option("-o, --output <format>", "print the objects as yaml or json")
    .action(async (options: ApplyOptions) => {
      const mode = modeOf(options);
      const format = parseFormat(options.output);
      const applySet = applySetOf(options);
      const manifests = await readManifests(options.filename, options.recursive ?? false, terminal);
      const connection = await connect();
      const { located, failures } = await locateDocuments(manifests, context, connection);
      const quiet = format !== undefined;
      if (applySet === undefined) {
        const check = () => {};
        const result = await applyDocuments(connection, terminal, located, mode, { quiet, check });
        if (format && result.objects.length > 0) await terminal.out(format(result.objects));
        if (failures + result.failures > 0) throw new AlreadyReported();
        return;
      }
      if (failures > 0) {
        await terminal.err(
          "error: nothing was applied: a set is applied as a whole, or its rest would be pruned\n",
        );
        throw new AlreadyReported();
      }
      const { applyAndPrune } = await import("../apply/apply-and-prune.ts");
      const result = await applyAndPrune(context, connection, located, mode, { applySet, quiet });
      if (format && result.objects.length > 0) await terminal.out(format(result.objects));
    });
}

function modeOf({
  dryRun,
  serverSide = false,
  forceConflicts = false,
  fieldManager,
}: ApplyOptions): ApplyMode {
  const parsed = parseDryRun(dryRun);
  if (forceConflicts && !serverSide) throw new Failure("--force-conflicts only works with --server-side");
  if (serverSide && parsed === "client")
    throw new Failure(
      "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
    );
  return { dryRun: parsed, serverSide, force: forceConflicts, fieldManager };
}

type Formatter = (objects: readonly (ApiObject | Manifest)[]) => string;

function parseFormat(output: string | undefined): Formatter | undefined {
  if (output === undefined) return undefined;
  if (output !== "yaml" && output !== "json")
    throw new Failure(`--output "${output}" is not known; it is yaml or json`);
  return (objects) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what has no managed fields stays as it is
    const items = objects.map((object) => withoutManagedFields(object as ApiObject));
    const value = items.length === 1 ? items[0] : { apiVersion: "v1", kind: "List", metadata: {}, items };
    return output === "yaml" ? toYaml(value) : `${JSON.stringify(value, undefined, 4)}\n`;
  };
}
