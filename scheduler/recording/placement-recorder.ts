/**
 * Writes down what placement saw and decided, so that it can be replayed with other rules.
 *
 * Every file begins with a checkpoint: all that there is at that moment. It is written when the file before has outgrown its
 * size, and after lines were lost. Invariant: no checkpoint begins before the one before it is in a file.
 */
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { RotatingFile } from "../apiserver/audit/rotating-file.ts";
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { ClusterState } from "../core/cluster-state/cluster-state.ts";
import type { ClusterNode, Instance } from "../core/model.ts";
import type { QueuedRequest } from "../core/placement/queue.ts";
import { limits } from "./limits.ts";
import { encodeLine, type RecordedEvent } from "./record-lines.ts";
import type { PlacementObserver } from "./placement-observer.ts";
import { RecordWriter } from "./record-writer.ts";

export interface RecordingOptions {
  readonly file: string;
  readonly fileBytesMax: number;
  /** 0: all are kept. */
  readonly backupsMax: number;
}

export interface PlacementRecorderParts extends RecordingOptions {
  readonly clock: Clock;
  readonly log: Log;
}

export class PlacementRecorder implements PlacementObserver, AsyncDisposable {
  readonly #clock: Clock;
  readonly #writer: RecordWriter;
  #state: ClusterState | undefined;
  #templates = new Map<string, number>();
  /** How many lines there are to the end of the last checkpoint. */
  #checkpointEnd = 0;
  /** Instances that have come to nodes, until it is told of the decision. */
  readonly #bound = new Map<string, { readonly instance: Instance; readonly nodeName: string }>();
  readonly #nodes = new Map<string, ClusterNode>();

  private constructor(clock: Clock, makeWriter: (recorder: PlacementRecorder) => RecordWriter) {
    this.#clock = clock;
    this.#writer = makeWriter(this);
  }

  /** Fails with a `WherryError` RecordingUnavailable when there can be no such file. */
  static async open({ clock, log, ...options }: PlacementRecorderParts): Promise<PlacementRecorder> {
    // Set before anything is written.
    let recorder: PlacementRecorder | undefined;
    const file = await RotatingFile.open(
      { ...options, now: () => clock.now(), began: () => recorder?.fileBegan() },
      { what: "the recording of placement", code: "RecordingUnavailable" },
    );
    recorder = new PlacementRecorder(
      clock,
      (self) => new RecordWriter({ file, clock, log, recovered: (lost) => self.begin(lost) }),
    );
    return recorder;
  }

  /** From now on. The state may be empty yet. */
  watch(state: ClusterState): void {
    this.#state = state;
    this.begin(0);
  }

  /** A checkpoint that is larger than a file goes on in the next one: another one there would never come to an end. */
  fileBegan(): void {
    if (this.#writer.given >= this.#checkpointEnd) this.begin(0);
  }

  /** Resolves when all that was told is written. */
  idle(): Promise<void> {
    return this.#writer.idle();
  }

  /** What comes next must stand by itself. Called between the engine's turns, when all that has happened was told. */
  begin(lost: number): void {
    if (!this.#state) return;
    this.#writeBound();
    this.#checkpoint(this.#state, lost);
  }

  decided(
    instances: readonly Instance[],
    request: QueuedRequest,
    nodeNames: readonly string[],
    rejected: ReadonlySet<string>,
  ): void {
    for (const { uid } of instances) this.#bound.delete(uid);
    const [first] = instances;
    if (!first || !this.#state) return;
    this.#writeBound();
    this.#write({
      kind: "decided",
      template: this.#templateOf(first, request),
      uids: instances.map(({ uid }) => uid),
      nodes: instances.map(({ uid }, place) => (rejected.has(uid) ? null : (nodeNames[place] ?? null))),
      ...targetOf(first),
    });
  }

  instanceChanged({ kind, instance, before }: InstanceChange): void {
    const was = before?.state.kind;
    const is = kind === "removed" ? undefined : instance.state;
    const { uid } = instance;
    const wasPlaced = before !== undefined && isOnNode(before);
    if (wasPlaced && (is === undefined || !isOnNode(instance))) this.#event({ kind: "gone", uids: [uid] });
    else if (is?.kind === "stopping" && was === "bound") this.#event({ kind: "stopping", uids: [uid] });
    else if (kind === "removed" && was === "pending") this.#event({ kind: "gone", uids: [uid] });
    else if (!wasPlaced && is?.kind === "bound") {
      // What has been reported is from its node; the rest was decided here.
      if (is.observed === undefined) this.#bound.set(uid, { instance, nodeName: is.nodeName });
      else this.#held(instance, is.nodeName);
    }
  }

  nodeChanged(name: string, node: ClusterNode | undefined): void {
    // Told of more often than it changes.
    if (node !== undefined && this.#nodes.get(name) === node) return;
    if (node === undefined) this.#nodes.delete(name);
    else this.#nodes.set(name, node);
    this.#event(node ? { kind: "node", node } : { kind: "nodeGone", name });
  }

  namespaceChanged(name: string, labels: Readonly<Record<string, string>> | undefined): void {
    this.#event({ kind: "namespace", name, labels: labels ?? null });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#writeBound();
    return this.#writer.close();
  }

  #event(event: RecordedEvent): void {
    if (!this.#state) return;
    this.#writeBound();
    this.#write(event);
  }

  #held(instance: Instance, nodeName: string): void {
    if (!this.#state) return;
    this.#writeBound();
    const template = this.#templateOf(instance, undefined);
    this.#write({ kind: "held", template, node: nodeName, uids: [instance.uid] });
  }

  /** Nominated instances come to the nodes that were reserved for them without another decision. */
  #writeBound(): void {
    for (const [uid, { instance, nodeName }] of this.#bound) {
      this.#bound.delete(uid);
      const template =
        this.#templates.get(templateKey(instance, true)) ?? this.#templateOf(instance, undefined);
      this.#write({ kind: "decided", template, uids: [uid], nodes: [nodeName], ...targetOf(instance) });
    }
  }

  #checkpoint(state: ClusterState, lost: number): void {
    this.#templates = new Map();
    this.#write({ kind: "checkpoint", version: 1, lost });
    for (const [name, labels] of state.namespaces()) this.#write({ kind: "namespace", name, labels });
    for (const node of state.nodes()) {
      this.#write({ kind: "node", node });
      this.#writeHeld(state, node.name);
    }
    this.#write({ kind: "checkpointed" });
    this.#checkpointEnd = this.#writer.taken;
  }

  #writeHeld(state: ClusterState, node: string): void {
    const groups = new Map<number, string[]>();
    for (const instance of state.instancesOn(node)) {
      if (!isOnNode(instance)) continue;
      const template = this.#templateOf(instance, undefined);
      const uids = groups.get(template) ?? [];
      groups.set(template, uids);
      uids.push(instance.uid);
    }
    for (const [template, uids] of groups)
      for (let at = 0; at < uids.length; at += limits.uidsPerLine)
        this.#write({ kind: "held", template, node, uids: uids.slice(at, at + limits.uidsPerLine) });
  }

  /** Its number in this file, in which it is told of before it is used. */
  #templateOf(instance: Instance, request: QueuedRequest | undefined): number {
    const key = templateKey(instance, request !== undefined);
    const known = this.#templates.get(key);
    if (known !== undefined) return known;
    const { uid: _uid, name: _name, createdMs: _created, state: _state, slot: _slot, ...rest } = instance;
    const { targetNode: _target, leaving: _leaving, ...template } = rest;
    const id = this.#templates.size + 1;
    this.#templates.set(key, id);
    const { requirements = null, isGang = false } = request ?? {};
    this.#write({ kind: "template", id, template, requirements, isGang });
    return id;
  }

  #write(event: RecordedEvent): void {
    this.#writer.write(encodeLine({ at: this.#clock.now(), ...event }));
  }
}

/** Those of one decision have the same. */
function targetOf({ targetNode }: Instance): { readonly target?: string } {
  return targetNode === undefined ? {} : { target: targetNode };
}

/** A reserved place is none yet. */
function isOnNode({ state }: Instance): boolean {
  return state.kind === "bound" || state.kind === "stopping";
}

function templateKey({ owner, templateHash, isolation, priority }: Instance, isAsked: boolean): string {
  return [owner.uid, templateHash, isolation, priority, isAsked].join("/");
}
