import type { InstanceTemplate } from "../../../api/gen/kinds.gen.ts";
import type { WorkloadKind } from "../../core/model.ts";
import { namespaceOf, ownerOf, templateOf, type Workload } from "../workloads.ts";
import type { GatewayTable, WorkloadFacts } from "./gateway-table.ts";
import type { WorkloadBoard } from "./workload-board.ts";

export interface ServedWorkloadsOptions {
  readonly table: GatewayTable;
  readonly board: WorkloadBoard;
  /** Of a template that the workload has had. */
  readonly template: (workloadUid: string, templateHash: string) => InstanceTemplate | undefined;
  /** Whether a route that is accepted names it. */
  readonly isNamed: (workloadUid: string) => boolean;
}

/** The workloads that can be named by routes, and those of them of which gateways are told. */
export class ServedWorkloads {
  readonly #options: ServedWorkloadsOptions;
  readonly #byUid = new Map<string, Workload>();
  readonly #byName = new Map<string, string>();

  constructor(options: ServedWorkloadsOptions) {
    this.#options = options;
  }

  /** Answers whether it is another for those that name it. */
  put(workload: Workload): boolean {
    const { uid } = workload.object.metadata;
    const before = this.#byUid.get(uid);
    this.#byUid.set(uid, workload);
    this.#byName.set(workloadKey(workload), uid);
    if (before !== undefined && basisOf(before) === basisOf(workload)) return false;
    this.refresh(uid);
    return true;
  }

  delete(workload: Workload): void {
    const { uid } = workload.object.metadata;
    this.#byUid.delete(uid);
    if (this.#byName.get(workloadKey(workload)) === uid) this.#byName.delete(workloadKey(workload));
    this.refresh(uid);
  }

  get(uid: string): Workload | undefined {
    return this.#byUid.get(uid);
  }

  named(kind: WorkloadKind, namespace: string, name: string): string | undefined {
    return this.byKey(keyOf(kind, namespace, name));
  }

  /** Its uid. */
  byKey(key: string): string | undefined {
    return this.#byName.get(key);
  }

  /** Why its instances of a template (undefined: the current one) answer no requests. */
  cannotServe(uid: string, templateHash: string | undefined): string | undefined {
    const workload = this.#byUid.get(uid);
    if (workload === undefined) return undefined;
    const template =
      templateHash === undefined ? templateOf(workload) : this.#options.template(uid, templateHash);
    return template === undefined || template.spec.http !== undefined
      ? undefined
      : "answers no requests: its template has no http";
  }

  /** Gateways are told of it, or not any more. */
  refresh(uid: string): void {
    const { table, board, isNamed } = this.#options;
    const workload = this.#byUid.get(uid);
    const isWanted =
      workload !== undefined && (isNamed(uid) || templateOf(workload).spec.functions !== undefined);
    if (!isWanted) {
      table.deleteWorkload(uid);
      board.unwatch(uid);
      return;
    }
    table.putWorkload(factsOf(workload));
    board.watch(uid);
  }
}

export function workloadKey(workload: Workload): string {
  return keyOf(workload.kind, namespaceOf(workload), workload.object.metadata.name);
}

export function keyOf(kind: string, namespace: string, name: string): string {
  return `${kind} ${namespace}/${name}`;
}

function factsOf(workload: Workload): WorkloadFacts {
  const { uid, kind, name } = ownerOf(workload);
  const { deletionTimestamp } = workload.object.metadata;
  const wakes = wakesOnRequest(workload) && deletionTimestamp === undefined;
  return { uid, namespace: namespaceOf(workload), kind, name, wakes };
}

export function wakesOnRequest(workload: Workload): boolean {
  return workload.kind === "WasmDeployment" && workload.object.spec.wakeOnRequest === true;
}

/** A status of its own changes nothing for routes. */
function basisOf({ object: { metadata } }: Workload): string {
  return `${metadata.generation} ${metadata.deletionTimestamp ?? ""}`;
}
