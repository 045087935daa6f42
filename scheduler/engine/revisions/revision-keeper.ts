/**
 * The templates that workloads have had, as ControllerRevisions: what is stored of them, and what is to be.
 *
 *   controller's step ──▶ wanted ──write, again and again until it is done──▶ watch event ──▶ kept, and its owner looked at
 *                            └── the owner is gone: given up
 *
 * A controller makes no instance of a template before that is kept, so the template of whatever runs is known, to later
 * leaders, too. Invariants: one write at a time for each template; what is wanted of it last is written.
 */
import type { InstanceTemplate } from "../../../api/gen/kinds.gen.ts";
import type { Clock } from "../../../kit/clock.ts";
import { assertNever, errorMessage, WherryError } from "../../../kit/errors.ts";
import { KeyedWorker } from "../../../kit/keyed-worker.ts";
import type { Log } from "../../../kit/log.ts";
import type { Backend, BackendEvent } from "../../backend/backend.ts";
import type { Revision } from "../../core/model.ts";
import { namespaceOf, type Workload } from "../workloads.ts";
import {
  type KeptRevision,
  readRevision,
  renumbered,
  revisionObject,
  revisionResource,
} from "./revision-object.ts";

export interface RevisionKeeperOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly log: Log;
  /** Of a workload; undefined: it is not there, or no more. */
  readonly namespaceOf: (ownerUid: string) => string | undefined;
  /** What is kept of this workload has changed. */
  readonly changed: (ownerUid: string) => void;
}

type Wanted =
  | {
      readonly kind: "record";
      readonly workload: Workload;
      readonly revision: Revision;
      readonly template: InstanceTemplate;
    }
  | { readonly kind: "delete"; readonly kept: KeptRevision };

const none: ReadonlyMap<string, KeptRevision> = new Map();

export class RevisionKeeper implements AsyncDisposable {
  readonly #options: RevisionKeeperOptions;
  /** By the owner as a revision names it, and hash: whoever may write in another namespace can name any owner there. */
  readonly #kept = new Map<string, Map<string, KeptRevision>>();
  /** The same by the uid of the stored object. */
  readonly #byObject = new Map<string, KeptRevision>();
  readonly #wanted = new Map<string, Wanted>();
  readonly #writer: KeyedWorker;

  constructor(options: RevisionKeeperOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#writer = new KeyedWorker((key) => this.#write(key), {
      clock,
      backoff: { initialMs: 100, factor: 2, maxMs: 10_000 },
      concurrencyMax: 64,
      intervalMs: 0,
      failed: (key, thrown) =>
        log.warn("revision not written, trying again", { revision: key, reason: errorMessage(thrown) }),
    });
  }

  async close(): Promise<void> {
    await this.#writer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  event(event: BackendEvent): void {
    if (event.kind === "synced") return;
    const kept = event.kind === "put" ? readRevision(event.object) : undefined;
    const before = this.#byObject.get(event.object.metadata.uid);
    // Whoever may write it can take away what it is known by, or give it to another owner.
    if (before && (kept?.ownerUid !== before.ownerUid || kept.templateHash !== before.templateHash))
      this.#drop(before);
    if (kept) this.#keep(kept);
  }

  of(ownerUid: string): Iterable<Revision> {
    return this.#keptOf(ownerUid).values();
  }

  template(ownerUid: string, templateHash: string): InstanceTemplate | undefined {
    return this.#keptOf(ownerUid).get(templateHash)?.template;
  }

  /** The one that was current last. */
  latestTemplate(ownerUid: string): InstanceTemplate | undefined {
    let latest: KeptRevision | undefined;
    for (const kept of this.#keptOf(ownerUid).values())
      if (latest === undefined || kept.number > latest.number) latest = kept;
    return latest?.template;
  }

  record(workload: Workload, template: InstanceTemplate, revision: Revision): void {
    this.#want(workload.object.metadata.uid, revision.templateHash, {
      kind: "record",
      workload,
      template,
      revision,
    });
  }

  delete(ownerUid: string, templateHash: string): void {
    const kept = this.#keptOf(ownerUid).get(templateHash);
    if (kept) this.#want(ownerUid, templateHash, { kind: "delete", kept });
  }

  #want(ownerUid: string, templateHash: string, wanted: Wanted): void {
    const key = `${ownerUid}/${templateHash}`;
    this.#wanted.set(key, wanted);
    this.#writer.schedule(key);
  }

  async #write(key: string): Promise<void> {
    const wanted = this.#wanted.get(key);
    if (!wanted) return;
    switch (wanted.kind) {
      case "record":
        // What is stored of a workload that is gone is for garbage collection to delete.
        if (this.#options.namespaceOf(wanted.workload.object.metadata.uid) !== undefined)
          await this.#record(wanted);
        break;
      case "delete":
        await this.#options.backend.delete(revisionResource, wanted.kept.object);
        break;
      default:
        assertNever(wanted, "wanted");
    }
    if (this.#wanted.get(key) === wanted) this.#wanted.delete(key);
  }

  async #record({ workload, revision, template }: Wanted & { readonly kind: "record" }): Promise<void> {
    const { backend } = this.#options;
    const kept = this.#keptOf(workload.object.metadata.uid).get(revision.templateHash);
    if (kept?.number === revision.number) return;
    const outcome = kept
      ? await backend.update(revisionResource, renumbered(kept.object, workload, revision.number))
      : await backend.create(revisionResource, revisionObject(workload, template, revision));
    // Whatever came of it arrives as a watch event, which makes the controller look again.
    if (outcome.kind === "exists") this.#checkExisting(workload, template, revision);
  }

  /** An earlier write of ours was stored and not answered, or somebody else has the name. */
  #checkExisting(workload: Workload, template: InstanceTemplate, revision: Revision): void {
    const { name = "" } = revisionObject(workload, template, revision).metadata;
    const namespace = namespaceOf(workload);
    const existing = this.#options.backend.get(revisionResource, namespace, name);
    if (!existing) return;
    const known = readRevision(existing);
    if (known?.ownerUid === workload.object.metadata.uid) {
      // A copy of it under another name stood for it, and is gone.
      this.#keep(known);
      return;
    }
    throw new WherryError(
      "RevisionNameTaken",
      `record revision ${revision.number} of ${workload.kind} ${workload.object.metadata.name}: ` +
        `ControllerRevision ${namespace}/${name} exists and is none of its; delete it`,
      { retryable: true },
    );
  }

  #keptOf(ownerUid: string): ReadonlyMap<string, KeptRevision> {
    const namespace = this.#options.namespaceOf(ownerUid);
    return (namespace === undefined ? undefined : this.#kept.get(ownerKey(namespace, ownerUid))) ?? none;
  }

  #keep(kept: KeptRevision): void {
    const { ownerUid, templateHash, object } = kept;
    const owner = ownerKey(object.metadata.namespace, ownerUid);
    const ofOwner = this.#kept.get(owner) ?? new Map<string, KeptRevision>();
    this.#kept.set(owner, ofOwner);
    const before = ofOwner.get(templateHash);
    if (before?.object.metadata.resourceVersion === object.metadata.resourceVersion) return;
    if (before) this.#byObject.delete(before.object.metadata.uid);
    this.#byObject.set(object.metadata.uid, kept);
    ofOwner.set(templateHash, kept);
    this.#changed(kept);
  }

  #drop(kept: KeptRevision): void {
    const { ownerUid, templateHash, object } = kept;
    const owner = ownerKey(object.metadata.namespace, ownerUid);
    const ofOwner = this.#kept.get(owner);
    this.#byObject.delete(object.metadata.uid);
    if (ofOwner?.get(templateHash)?.object.metadata.uid !== object.metadata.uid) return;
    ofOwner.delete(templateHash);
    if (ofOwner.size === 0) this.#kept.delete(owner);
    this.#changed(kept);
  }

  #changed({ ownerUid, object }: KeptRevision): void {
    if (this.#options.namespaceOf(ownerUid) === object.metadata.namespace) this.#options.changed(ownerUid);
  }
}

function ownerKey(namespace: string | undefined, ownerUid: string): string {
  return `${namespace ?? ""}/${ownerUid}`;
}
