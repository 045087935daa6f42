import type { ApiObject } from "../../api/object-meta.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection.ts";
import { Failure } from "../failure.ts";
import { describeApplyError } from "../manifests/apply-error.ts";
import { applyObject, findObject, type DryRun } from "../manifests/apply-object.ts";
import type { Manifest, ReadManifest } from "../manifests/manifest.ts";
import { applyServerSide } from "../manifests/server-side-apply.ts";
import { locateManifest, type ManifestTarget } from "../manifests/target.ts";
import { objectReference } from "../resources/resource.ts";
import type { Terminal } from "../terminal.ts";

export interface ApplyMode {
  readonly dryRun: DryRun;
  readonly serverSide: boolean;
  readonly force: boolean;
  readonly fieldManager: string | undefined;
}

/** A document that is known to have a place on the server. */
export interface Located {
  readonly manifest: Manifest;
  readonly target: ManifestTarget;
  readonly file: string;
}

/** What became of the documents. */
export interface ApplyResult {
  readonly objects: readonly (ApiObject | Manifest)[];
  /** Of what is now on the server. */
  readonly uids: ReadonlySet<string>;
  readonly failures: number;
}

/** Finds out where the documents belong, and says what is wrong with the others. */
export async function locateDocuments(
  manifests: readonly ReadManifest[],
  { terminal, namespaceGiven }: CommandContext,
  connection: Connection,
): Promise<{ readonly located: readonly Located[]; readonly failures: number }> {
  const located: Located[] = [];
  let failures = 0;
  const resources = await connection.resources();
  for (const read of manifests) {
    try {
      if (read.kind === "invalid") throw new Failure(read.message);
      const { manifest, source } = read;
      const choice = { namespace: connection.namespace, given: namespaceGiven() };
      const target = locateManifest(manifest, source, resources, choice);
      located.push({ manifest, target, file: source.file });
    } catch (error) {
      failures++;
      await terminal.err(`${describeApplyError(error, "")}\n`);
    }
  }
  return { located, failures };
}

/**
 * Applies documents one after the other, as they stand in their files, and says what became of each. One that is refused says
 * nothing about the others.
 */
export async function applyDocuments(
  { client }: Connection,
  terminal: Terminal,
  documents: readonly Located[],
  mode: ApplyMode,
  options: {
    /** Says nothing of what succeeds. */
    readonly quiet: boolean;
    /** Throws what speaks against changing an object that exists. */
    readonly check: (current: ApiObject) => void;
  },
): Promise<ApplyResult> {
  const objects: (ApiObject | Manifest)[] = [];
  const uids = new Set<string>();
  let failures = 0;
  for (const { manifest, target, file } of documents) {
    try {
      const { outcome, object, uid } = await applyOne(client, target, manifest, mode, options.check);
      objects.push(object ?? manifest);
      if (uid !== undefined) uids.add(uid);
      const reference = objectReference(target.resource, manifest.metadata.name);
      if (!options.quiet) await terminal.out(`${reference} ${outcome}${dryRunText(mode.dryRun)}\n`);
    } catch (error) {
      failures++;
      await terminal.err(`${describeApplyError(error, `"${file}"`)}\n`);
    }
  }
  return { objects, uids, failures };
}

export function dryRunText(dryRun: DryRun): string {
  return { none: "", client: " (dry run)", server: " (server dry run)" }[dryRun];
}

async function applyOne(
  client: Connection["client"],
  target: ManifestTarget,
  manifest: Manifest,
  { dryRun, serverSide, force, fieldManager }: ApplyMode,
  check: (current: ApiObject) => void,
): Promise<{
  readonly outcome: string;
  readonly object: ApiObject | undefined;
  readonly uid: string | undefined;
}> {
  if (!serverSide) return applyObject(client, target, manifest, { dryRun, fieldManager, check });
  const current = await findObject(client, target, manifest.metadata.name);
  if (current) check(current);
  const request = { force, fieldManager, dryRun: dryRun === "server", current };
  const object = await applyServerSide(client, target, manifest, request);
  return { outcome: "serverside-applied", object, uid: object.metadata.uid };
}
