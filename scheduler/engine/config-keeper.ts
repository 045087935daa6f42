import type { Clock } from "../../kit/clock.ts";
import type { BackendEvent } from "../backend/backend.ts";
import { configDigestAnnotation } from "../core/labels.ts";
import type { ConfigKind } from "../core/templates/resolve-template.ts";
import { ConfigRollouts } from "./config-rollouts.ts";
import { ConfigUpdates } from "./config-updates.ts";
import type { EventRecorder } from "./event-recorder.ts";
import { ownerApiVersion } from "./instance-object.ts";
import type { NodeBook } from "./node-book.ts";
import type { TemplateCatalogue } from "./template-catalogue.ts";
import { namespaceOf, ownerOf, rollsOutConfiguration, templateOwner, type Workload } from "./workloads.ts";

export interface ConfigKeeperOptions {
  readonly clock: Clock;
  readonly catalogue: TemplateCatalogue;
  readonly events: EventRecorder;
  readonly nodes: () => Pick<NodeBook, "connectedNames" | "session">;
  readonly workload: (uid: string) => Workload | undefined;
  /** What has waited for something that was missing can be tried again. */
  readonly wake: (ownerUid: string) => void;
  /** What waits for a node is made anew, of the template as it is now. */
  readonly remake: (ownerUid: string) => void;
  /** The template of the workload may be another one. */
  readonly changed: (ownerUid: string) => void;
}

/** What follows from a change of a ConfigMap or Secret, for instances that wait, those that run, and the template. */
export class ConfigKeeper {
  readonly #options: ConfigKeeperOptions;
  readonly #updates: ConfigUpdates;
  readonly #rollouts: ConfigRollouts;
  /** Workloads with instances of a template that is not kept: their node was given up, and came back. It may be kept again. */
  readonly #unresolved = new Set<string>();

  constructor(options: ConfigKeeperOptions) {
    this.#options = options;
    const { clock, catalogue, nodes, workload } = options;
    this.#updates = new ConfigUpdates({
      clock,
      nodeNames: () => nodes().connectedNames(),
      session: (name) => nodes().session(name),
      contentsOf: (ownerUid, templateHash) => {
        const owner = workload(ownerUid);
        const entry = owner && catalogue.entryOf(templateOwner(owner), templateHash);
        if (owner && !entry) this.#unresolved.add(ownerUid);
        return entry?.files;
      },
      missing: (ownerUid, message) => this.#filesMissing(ownerUid, message),
    });
    this.#rollouts = new ConfigRollouts({
      clock,
      hold: (uid) => catalogue.hold(uid),
      release: (uid) => {
        catalogue.release(uid);
        this.#updates.changed(uid);
      },
      first: (uid) => this.#firstKnown(uid),
      due: options.changed,
    });
  }

  event(kind: ConfigKind, event: BackendEvent): void {
    if (event.kind === "synced") return;
    const { namespace = "", name } = event.object.metadata;
    const { catalogue, workload, wake } = this.#options;
    for (const uid of catalogue.configChanged(kind, namespace, name)) {
      const reader = workload(uid);
      // First: as soon as somebody asks for the template, it has what is configured now in it.
      if (reader && rollsOutConfiguration(reader)) this.#rollouts.changed(uid);
      this.#updates.changed(uid);
      wake(uid);
    }
  }

  /** Its spec is another one. */
  workloadChanged(uid: string): void {
    this.#rollouts.release(uid);
    // What instances of its earlier templates read is not known any more until it is asked for.
    const hasRead = this.#options.catalogue.drop(uid);
    if (this.#unresolved.delete(uid) || hasRead) this.#updates.changed(uid);
  }

  /** What is kept of its templates is another. */
  revisionsChanged(uid: string): void {
    if (this.#unresolved.delete(uid)) this.#updates.changed(uid);
  }

  workloadGone(uid: string): void {
    this.#rollouts.release(uid);
    this.#unresolved.delete(uid);
    this.#options.catalogue.forget(uid);
  }

  /** The node has told which files it has. */
  registered(nodeName: string): void {
    this.#updates.registered(nodeName);
  }

  close(): void {
    this.#updates.close();
    this.#rollouts.close();
  }

  /** What has waited for this was made without knowing it: were it started now, it would be rolled over at once. */
  #firstKnown(uid: string): void {
    const { catalogue, workload, remake, changed } = this.#options;
    const owner = workload(uid);
    const template = owner && catalogue.entry(templateOwner(owner)).template;
    if (template?.metadata?.annotations?.[configDigestAnnotation] !== undefined) remake(uid);
    changed(uid);
  }

  /** As a kubelet says it of a Pod. */
  #filesMissing(ownerUid: string, message: string): void {
    const workload = this.#options.workload(ownerUid);
    if (!workload) return;
    this.#options.events.record({
      involved: { apiVersion: ownerApiVersion, ...ownerOf(workload), namespace: namespaceOf(workload) },
      type: "Warning",
      reason: "FailedMount",
      message: `running instances keep the files that they have: ${message}`,
    });
  }
}
