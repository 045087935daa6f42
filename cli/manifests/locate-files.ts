import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection.ts";
import { Failure } from "../failure.ts";
import { readManifests } from "./read.ts";
import { locateManifest, type ManifestTarget } from "./target.ts";

export interface NamedTarget extends ManifestTarget {
  readonly name: string;
}

/** The objects that files declare. Throws when one of them cannot be read: who names a file means all of it. */
export async function locateFiles(
  files: readonly string[],
  recursive: boolean,
  { terminal, namespaceGiven }: CommandContext,
  connection: Connection,
): Promise<readonly NamedTarget[]> {
  const manifests = await readManifests(files, recursive, terminal);
  const resources = await connection.resources();
  const choice = { namespace: connection.namespace, given: namespaceGiven() };
  return manifests.map((read) => {
    if (read.kind === "invalid") throw new Failure(read.message);
    const target = locateManifest(read.manifest, read.source, resources, choice);
    return { ...target, name: read.manifest.metadata.name };
  });
}
