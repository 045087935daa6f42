import type { ApiObject } from "../../../api/object-meta.ts";
import { errorMessage } from "../../../kit/errors.ts";
import type { CommitOutcome } from "../../store/store.ts";
import type { FollowedWrite, WriteRequest } from "../../tracing/workload-traces.ts";
import type { Kind } from "../registry.ts";

/** Whoever follows what becomes of workloads. */
export interface WriteTraces {
  /** A write is about to be committed. undefined: it is not followed. */
  write(request: WriteRequest): FollowedWrite | undefined;
}

export interface FollowedCommit {
  readonly kind: Kind;
  readonly object: ApiObject;
  /** undefined: it is created. */
  readonly old: ApiObject | undefined;
  readonly traceparent: string | undefined;
}

/** Those that instances are made of. */
const followedKinds = new Set(["WasmDeployment", "WasmDaemonSet", "WasmJob"]);

/** Commits, and tells of it if that changes what is wanted of a workload: not of statuses, labels and what is deleted. */
export async function followedCommit(
  traces: WriteTraces | undefined,
  { kind: { resource }, object, old, traceparent }: FollowedCommit,
  commit: () => Promise<CommitOutcome>,
): Promise<CommitOutcome> {
  const isFollowed =
    traces !== undefined &&
    resource.group === "wherry.dev" &&
    followedKinds.has(resource.kind) &&
    object.metadata.generation !== old?.metadata.generation &&
    object.metadata.deletionTimestamp === undefined;
  if (!isFollowed) return commit();
  const operation = old ? "update" : "create";
  const write = traces.write({ operation, kind: resource.kind, object, traceparent });
  try {
    const outcome = await commit();
    if (outcome.kind === "committed") write?.committed();
    else write?.failed("it has changed meanwhile");
    return outcome;
  } catch (thrown) {
    write?.failed(errorMessage(thrown));
    throw thrown;
  }
}
