import type { Command } from "commander";
import { resourcePath } from "../client/objects.ts";
import { parseCount } from "../duration.ts";
import { Failure } from "../failure.ts";
import type { CommandContext } from "../command.ts";
import { resolveSelections } from "../resources/resolve.ts";
import { objectReference } from "../resources/resource.ts";

interface ScaleOptions {
  readonly replicas: string;
  readonly currentReplicas?: string;
}

interface Scale {
  readonly metadata: { readonly resourceVersion?: string };
  readonly spec?: { readonly replicas?: number };
}

export function define(command: Command, { terminal, connect }: CommandContext): void {
  command
    .argument("<type...>", "TYPE NAME... or TYPE/NAME...")
    .requiredOption("--replicas <count>", "how many instances there should be")
    .option("--current-replicas <count>", "only if it has this many now")
    .action(async (args: readonly string[], options: ScaleOptions) => {
      const replicas = parseCount(options.replicas, "--replicas");
      const connection = await connect();
      for (const { resource, name } of resolveSelections(await connection.resources(), args)) {
        if (name === undefined)
          throw new Failure(`name the object to scale, such as ${resource.singular}/hello`);
        const namespace = resource.namespaced ? connection.namespace : undefined;
        const path = resourcePath(resource, namespace, name, "scale");
        const resourceVersion =
          options.currentReplicas === undefined
            ? undefined
            : expectReplicas(
                await connection.client.request<Scale>({ path }),
                parseCount(options.currentReplicas, "--current-replicas"),
              );
        await connection.client.request({
          method: "PATCH",
          path,
          query: { fieldManager: "wherry-scale" },
          contentType: "application/merge-patch+json",
          body: { ...(resourceVersion ? { metadata: { resourceVersion } } : {}), spec: { replicas } },
        });
        await terminal.out(`${objectReference(resource, name)} scaled\n`);
      }
    });
}

/** The version of which the count was checked, so that nobody changes it in between. */
function expectReplicas(scale: Scale, wanted: number): string | undefined {
  const current = scale.spec?.replicas ?? 0;
  if (current !== wanted) throw new Failure(`Expected replicas to be ${wanted}, was ${current}`);
  return scale.metadata.resourceVersion;
}
