/**
 * Follows a rollout until it is complete or has failed. The workload's own status decides; on a terminal its instances are watched
 * beside it, for the picture alone (picture-reporter.ts).
 */
import type { ApiObject } from "../../api/object-meta.ts";
import type { ApiClient } from "../client/api-client.ts";
import { getObject, listPages, type ObjectList } from "../client/objects.ts";
import { observe } from "../client/observe.ts";
import { Failure } from "../failure.ts";
import { oneLine } from "../output/table.ts";
import { requireResource } from "../resources/resolve.ts";
import { objectReference, type Resource } from "../resources/resource.ts";
import type { Terminal } from "../terminal.ts";
import { InstanceCensus } from "./instance-census.ts";
import { troubleText } from "./picture.ts";
import { PictureReporter } from "./picture-reporter.ts";
import { creationTroublesOf, readProgress, requireRolling, type Progress } from "./progress.ts";
import { LineReporter, type RolloutReporter } from "./reporter.ts";
import type { Workload } from "./workload.ts";

/** Reasons that are told of a rollout that has failed. */
const troublesMax = 5;
/** Of a workload with very many instances some thousands have to do. */
const pagesMax = 10;

export interface RolloutRequest {
  readonly client: ApiClient;
  readonly terminal: Terminal;
  readonly resources: readonly Resource[];
  /** Goes on until the rollout has ended; otherwise it looks once. */
  readonly watch: boolean;
  /** The only revision whose rollout is meant. */
  readonly revision: number | undefined;
  /** Aborts when the time is over. */
  readonly signal: AbortSignal;
}

/** Resolves when the rollout is complete, or after one look. Throws what it has failed of. */
export async function followRollout(request: RolloutRequest, workload: Workload): Promise<void> {
  const { terminal, signal } = request;
  const ended = new AbortController();
  const until = AbortSignal.any([signal, ended.signal]);
  const isPicture = request.watch && terminal.size() !== undefined && terminal.env["TERM"] !== "dumb";
  await using reporter: RolloutReporter = isPicture
    ? new PictureReporter(request, workload, until)
    : new LineReporter(terminal);
  try {
    const seen = await followWorkload(request, workload, until, reporter);
    const last = seen?.progress;
    if (!last || last.kind === "done" || (last.kind === "waiting" && !request.watch)) return;
    const troubles = isPicture
      ? []
      : [...creationTroublesOf(seen.object).map(oneLine), ...(await readTroubles(request, workload))];
    const why = troubles.map((trouble) => `\n  ${trouble}`).join("");
    const what =
      last.kind === "failed"
        ? last.text
        : `timed out waiting for the condition: ${objectReference(workload.resource, workload.name)}: ${last.left}`;
    throw new Failure(`${what}${why}`);
  } finally {
    ended.abort();
  }
}

interface Seen {
  readonly progress: Progress;
  readonly object: ApiObject;
}

/** What was last seen. */
async function followWorkload(
  { client, terminal, watch, revision }: RolloutRequest,
  workload: Workload,
  signal: AbortSignal,
  reporter: RolloutReporter,
): Promise<Seen | undefined> {
  const { resource, namespace, name } = workload;
  const where = { resource, namespace, fieldSelector: `metadata.name=${name}`, signal };
  const deleted = () => new Failure(`${objectReference(resource, name)} has been deleted`);
  let last: Seen | undefined;
  let uid: string | undefined;
  let isTold = false;
  for await (const sighting of observe(client, terminal.clock, where)) {
    if (sighting.kind === "gone") throw deleted();
    if (sighting.kind === "listing") isTold = false;
    if (sighting.kind === "listed" && !isTold) {
      if (last) throw deleted();
      // Throws the server's own words. If it has come just now, the watch tells of it.
      await getObject(client, resource, namespace, name);
    }
    if (sighting.kind !== "present") continue;
    const { object } = sighting;
    isTold = true;
    uid ??= object.metadata.uid;
    if (object.metadata.uid !== uid) throw deleted();
    requireRolling(object);
    requireRevision(revision, object);
    const progress = readProgress(workload, object);
    last = { progress, object };
    await reporter.progress(progress, object);
    if (progress.kind !== "waiting" || !watch) return last;
  }
  return last;
}

/** Throws when another revision is being rolled out by now. */
function requireRevision(wanted: number | undefined, { status }: ApiObject): void {
  if (wanted === undefined) return;
  const running = (status as { readonly revision?: number } | undefined)?.revision ?? 0;
  if (running !== wanted)
    throw new Failure(`desired revision (${wanted}) is different from the running revision (${running})`);
}

/** Why instances are not ready, as far as that can be found out: it only adds to what is known anyway. */
async function readTroubles(
  { client, resources }: RolloutRequest,
  { namespace, instanceSelector }: Workload,
): Promise<readonly string[]> {
  const census = new InstanceCensus();
  const resource = requireResource(resources, "wasminstances.live.wherry.dev");
  const query = { labelSelector: instanceSelector };
  let pagesLeft = pagesMax;
  try {
    for await (const { items = [] } of listPages<ObjectList>(client, resource, namespace, query)) {
      for (const object of items) census.take({ kind: "present", object }, 0);
      if (--pagesLeft === 0) break;
    }
  } catch {
    return [];
  }
  return census
    .troubles(undefined, Number.POSITIVE_INFINITY)
    .slice(0, troublesMax)
    .map((trouble) => oneLine(troubleText(trouble)));
}
