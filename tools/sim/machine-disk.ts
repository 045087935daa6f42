import {
  type Checkpoint,
  type CheckpointChange,
  type GatewayFact,
  mergedContents,
  type StoredInstance,
  type StoredMeta,
  type StoredTemplate,
} from "../../node-daemon/session/checkpoint.ts";
import type { NodeAssignment, NodeTemplate, VolumeContent } from "../../node-daemon/core/assignment.ts";

/** What a machine's disk keeps of its daemon. Survives the daemon, so the daemon gets a handle that dies with it. */
export class MachineDisk {
  readonly instances = new Map<string, StoredInstance>();
  readonly templates = new Map<string, NodeTemplate>();
  readonly gatewayFacts = new Map<string, GatewayFact>();
  readonly wakeForms = new Map<string, NodeAssignment>();
  meta: StoredMeta = { epoch: 0, stopDisconnectedAfterMs: undefined };
  /** A disk that takes no writes for now. */
  isFull = false;

  /** What one daemon process has open. */
  open(): DiskHandle {
    return new DiskHandle(this);
  }
}

export class DiskHandle implements Checkpoint {
  readonly #disk: MachineDisk;
  #isClosed = false;

  constructor(disk: MachineDisk) {
    this.#disk = disk;
  }

  loadInstances(): readonly StoredInstance[] {
    // As text and back, as the real one keeps them.
    return [...this.#disk.instances.values()].map((one) => JSON.parse(JSON.stringify(one)) as StoredInstance);
  }

  loadTemplates(): readonly StoredTemplate[] {
    return [...this.#disk.templates.values()];
  }

  loadContents(templateId: string): readonly VolumeContent[] {
    return this.#disk.templates.get(templateId)?.contents ?? [];
  }

  loadGatewayFacts(): readonly GatewayFact[] {
    return [...this.#disk.gatewayFacts.values()];
  }

  loadWakeForms(): readonly NodeAssignment[] {
    return [...this.#disk.wakeForms.values()];
  }

  loadMeta(): StoredMeta {
    return this.#disk.meta;
  }

  saveMeta(meta: StoredMeta): void {
    if (!this.#isClosed) this.#disk.meta = meta;
  }

  commit(changes: readonly CheckpointChange[]): void {
    if (this.#isClosed || changes.length === 0) return;
    if (this.#disk.isFull) throw new Error("ENOSPC: no space left on device");
    for (const change of changes) this.#apply(change);
  }

  /** Also when the process dies: what it writes from then on reaches nobody. */
  close(): void {
    this.#isClosed = true;
  }

  #apply(change: CheckpointChange): void {
    const { instances, templates, gatewayFacts, wakeForms } = this.#disk;
    switch (change.kind) {
      case "putInstance":
        instances.set(change.instance.assignment.uid, change.instance);
        return;
      case "removeInstance":
        instances.delete(change.uid);
        return;
      case "putTemplate":
        if (!templates.has(change.template.id)) templates.set(change.template.id, change.template);
        return;
      case "putContents": {
        const { templateId, contentsId, contents } = change.contents;
        const template = templates.get(templateId);
        if (!template) return;
        const merged = mergedContents(template.contents, contents);
        templates.set(templateId, { ...template, contentsId, contents: merged });
        return;
      }
      case "removeTemplate":
        templates.delete(change.id);
        return;
      case "putGatewayFact":
        gatewayFacts.set(`${change.fact.about} ${change.fact.id}`, change.fact);
        return;
      case "removeGatewayFact":
        gatewayFacts.delete(`${change.about} ${change.id}`);
        return;
      case "putWakeForm":
        wakeForms.set(change.assignment.owner.uid, change.assignment);
        return;
      case "removeWakeForm":
        wakeForms.delete(change.workload);
    }
  }
}
