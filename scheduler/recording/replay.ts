/**
 * Runs what was recorded through the scheduler's own placement, with other rules, and compares.
 *
 * The replay decides when the recorded scheduler did, for the instances that it decided for, on the nodes that there were.
 * What it places otherwise changes what it sees later; when an instance ended is taken from the recording, wherever it was.
 */
import type { InstanceTemplate } from "../../api/gen/kinds.gen.ts";
import { noBudgets } from "../core/disruption/disruption-guard.ts";
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import { ClusterState } from "../core/cluster-state/cluster-state.ts";
import type { Instance, InstanceState } from "../core/model.ts";
import type { PlacementConfiguration } from "../core/placement/profile-declaration.ts";
import { emptyNode } from "../core/placement/snapshot.ts";
import { footprintOf } from "../core/resources.ts";
import { pretendedSession } from "../engine/placement-simulation/pretended-session.ts";
import { SimulatedTime } from "../engine/placement-simulation/simulated-time.ts";
import { PlacementRunner } from "../engine/placement-runner.ts";
import { requirementsFor } from "../engine/present-requirements.ts";
import type { CatalogueEntry } from "../engine/template-catalogue.ts";
import { limits } from "./limits.ts";
import type { RecordedEvent, RecordedLine, RecordedTemplate } from "./record-lines.ts";
import { Tally, type TallyFigures } from "./tally.ts";

export interface ReplayOptions {
  /** Decides for all instances; undefined: for each the one that it named. */
  readonly profile: string | undefined;
  /** How many differences are kept to be shown. */
  readonly differencesMax: number;
  readonly placement: PlacementConfiguration;
}

export interface Difference {
  readonly atMs: number;
  readonly uid: string;
  readonly workload: string;
  /** undefined: it found no node. */
  readonly recorded: string | undefined;
  readonly replayed: string | undefined;
}

export interface ReplayReport {
  readonly startMs: number;
  readonly endMs: number;
  readonly lines: number;
  /** Lines that the recording has lost. */
  readonly lost: number;
  readonly nodes: number;
  /** Instances that nodes were looked at for. */
  readonly decided: number;
  readonly recorded: TallyFigures & { readonly waiting: number };
  readonly replayed: TallyFigures & { readonly waiting: number };
  readonly differing: number;
  readonly differences: readonly Difference[];
}

interface Template {
  readonly template: RecordedTemplate;
  readonly entry: CatalogueEntry;
}

interface Decided {
  readonly atMs: number;
  readonly workload: string;
  recorded: string | undefined;
  replayed: string | undefined;
}

/** Nodes of the past get nothing. */
const notSent = { id: "", specJson: new Uint8Array(), contents: [], contentsId: "" };

export class Replay {
  readonly #options: ReplayOptions;
  readonly #state = new ClusterState();
  readonly #templates = new Map<number, Template>();
  readonly #entries = new Map<string, CatalogueEntry>();
  readonly #decided = new Map<string, Decided>();
  readonly #recorded = new Tally();
  readonly #replayed = new Tally();
  /** Decided instances that are waiting in the recording. */
  readonly #recordedWaiting = new Set<string>();
  #time: SimulatedTime | undefined;
  #runner: PlacementRunner | undefined;
  /** Owners whose instances are placed together. */
  readonly #gangs = new Set<string>();
  /** What the replay stops to make room: nobody makes another, because the recording does not know of it. */
  readonly #preempted = new Set<string>();
  #isAgain = false;
  /** Before the first checkpoint nothing can be understood. */
  #hasBegun = false;
  /** In a checkpoint after lines were lost: what it has named. */
  #named: Set<string> | undefined;
  #startMs = 0;
  #endMs = 0;
  #lines = 0;
  #lost = 0;

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /** The next line, in the order of the recording. */
  take(line: RecordedLine): void {
    if (!this.#hasBegun) {
      if (line.kind !== "checkpoint") return;
      this.#hasBegun = true;
      this.#startMs = line.at;
      this.#start(line.at);
    }
    this.#lines++;
    this.#endMs = Math.max(this.#endMs, line.at);
    this.#recorded.at(line.at);
    this.#replayed.at(line.at);
    this.#time?.advanceTo(line.at);
    this.#event(line);
    this.#place();
  }

  report(): ReplayReport {
    this.#runner?.close();
    const decided = [...this.#decided];
    const differing = decided.filter(([, { recorded, replayed }]) => recorded !== replayed);
    return {
      startMs: this.#startMs,
      endMs: this.#endMs,
      lines: this.#lines,
      lost: this.#lost,
      nodes: Array.from(this.#state.nodes()).length,
      decided: decided.length,
      recorded: { ...this.#recorded.figures(), waiting: this.#recordedWaiting.size },
      replayed: { ...this.#replayed.figures(), waiting: Array.from(this.#state.pending()).length },
      differing: differing.length,
      differences: differing.slice(0, this.#options.differencesMax).map(([uid, one]) => ({ uid, ...one })),
    };
  }

  #start(atMs: number): void {
    this.#time = new SimulatedTime(atMs);
    this.#runner = new PlacementRunner({
      state: this.#state,
      clock: this.#time,
      // What was decided had passed them.
      quotas: {
        allowance: (_, wanted) => ({ count: wanted, refusal: undefined }),
        isExceeded: () => false,
        of: () => [],
      },
      events: { record: () => {} },
      session: (nodeName) => pretendedSession(nodeName, (uid) => this.#preempted.add(uid)),
      placement: this.#options.placement,
      isGang: (ownerUid) => this.#gangs.has(ownerUid),
      budgets: noBudgets,
      isBeingMade: () => false,
      deciding: undefined,
      changed: (change) => this.#changed(change),
      entryOf: (ownerUid, templateHash) => this.#entries.get(entryKey(ownerUid, templateHash)),
      again: () => {
        this.#isAgain = true;
      },
    });
  }

  #event(event: RecordedEvent & { readonly at: number }): void {
    switch (event.kind) {
      case "checkpoint":
        this.#lost += event.lost;
        this.#named = event.lost > 0 ? new Set() : undefined;
        return;
      case "checkpointed":
        return this.#checkpointed();
      case "namespace":
        this.#state.setNamespace(event.name, event.labels ?? undefined);
        return;
      case "node":
        return this.#node(event.node);
      case "nodeGone":
        return this.#nodeGone(event.name);
      case "template":
        return this.#template(event);
      case "held":
        return this.#held(event);
      case "decided":
        return this.#decide(event);
      case "stopping":
        for (const uid of event.uids) this.#changed(this.#state.markStopping(uid));
        return;
      case "gone":
        for (const uid of event.uids) this.#gone(uid);
    }
  }

  /** What has ended while lines were lost is not in it. */
  #checkpointed(): void {
    const named = this.#named;
    this.#named = undefined;
    if (named) for (const uid of this.#recorded.uids()) if (!named.has(uid)) this.#gone(uid);
  }

  #node(node: Extract<RecordedEvent, { kind: "node" }>["node"]): void {
    this.#state.putNode({ node, ...emptyNode });
    this.#recorded.setNode(node.name, node.allocatable);
    this.#replayed.setNode(node.name, node.allocatable);
    this.#runner?.nodeChanged(node.name, "nodeUpdated");
  }

  #nodeGone(name: string): void {
    for (const { uid } of Array.from(this.#state.instancesOn(name))) this.#gone(uid);
    this.#state.removeNode(name, 0);
    this.#recorded.dropNode(name);
    this.#replayed.dropNode(name);
  }

  #template({ id, template, requirements, isGang }: Extract<RecordedEvent, { kind: "template" }>): void {
    const { profile } = this.#options;
    const key = entryKey(template.owner.uid, template.templateHash);
    const known = this.#entries.get(key);
    const found = requirements ?? requirementsFor(instanceOf(template, "", 0, unplaced), known);
    const entry: CatalogueEntry = {
      templateHash: template.templateHash,
      template: noTemplate,
      labels: template.labels,
      requirements: profile === undefined ? found : { ...found, profile },
      limits: template.limits,
      unspecified: new Set(),
      outcome: { kind: "resolved", template: notSent },
      files: { contents: notSent, missing: undefined },
    };
    this.#templates.set(id, { template, entry });
    if (isGang) this.#gangs.add(template.owner.uid);
    else this.#gangs.delete(template.owner.uid);
    if (requirements !== null) this.#entries.set(key, entry);
  }

  #held({ template: id, node, uids, at }: Extract<RecordedLine, { kind: "held" }>): void {
    const known = this.#templates.get(id);
    if (!known || !this.#state.node(node)) return;
    for (const uid of uids) {
      this.#named?.add(uid);
      if (this.#state.instance(uid)) continue;
      const instance = instanceOf(known.template, uid, at, {
        kind: "bound",
        nodeName: node,
        observed: undefined,
      });
      this.#changed(this.#state.addInstance(instance));
      this.#recorded.place(uid, node, footprintOf(known.template), false);
      this.#replayed.place(uid, node, footprintOf(known.template), false);
    }
  }

  #decide({ template: id, uids, nodes, target, at }: Extract<RecordedLine, { kind: "decided" }>): void {
    const known = this.#templates.get(id);
    if (!known) return;
    const { template, entry } = known;
    this.#entries.set(entryKey(template.owner.uid, template.templateHash), entry);
    for (const [place, uid] of uids.entries()) {
      const node = nodes[place] ?? undefined;
      const decided = this.#decided.get(uid) ?? {
        atMs: at,
        workload: `${template.namespace}/${template.owner.name}`,
        recorded: undefined,
        replayed: undefined,
      };
      decided.recorded = node;
      this.#decided.set(uid, decided);
      if (node === undefined) this.#recordedWaiting.add(uid);
      else {
        this.#recordedWaiting.delete(uid);
        this.#recorded.place(uid, node, footprintOf(template), true);
      }
      if (!this.#state.instance(uid))
        this.#changed(this.#state.addInstance(instanceOf(template, uid, at, unplaced, target)));
    }
  }

  #gone(uid: string): void {
    this.#recordedWaiting.delete(uid);
    this.#recorded.remove(uid);
    this.#replayed.remove(uid);
    this.#changed(this.#state.removeInstance(uid));
  }

  #changed(change: InstanceChange | undefined): void {
    if (!change) return;
    this.#runner?.instanceChanged(change);
    const { instance, before } = change;
    const { uid, state } = instance;
    if (state.kind !== "bound" || before?.state.kind !== "pending") return;
    const decided = this.#decided.get(uid);
    if (decided) decided.replayed = state.nodeName;
    this.#replayed.place(uid, state.nodeName, footprintOf(instance), true);
  }

  /** Until placement rests. */
  #place(): void {
    for (let turn = 0; turn < limits.turnsPerEvent; turn++) {
      this.#isAgain = false;
      this.#runner?.run();
      for (const uid of this.#preempted) {
        this.#replayed.remove(uid);
        this.#changed(this.#state.removeInstance(uid));
      }
      this.#preempted.clear();
      if (!this.#isAgain) return;
    }
  }
}

const unplaced: InstanceState = {
  kind: "pending",
  reason: "",
  message: "",
  nominatedNode: undefined,
};

/** Nothing is made from templates here. */
const noTemplate: InstanceTemplate = {
  spec: {
    module: { image: "" },
    resources: {},
    terminationMessagePolicy: "File",
    terminationGracePeriodSeconds: 0,
    stopNotice: "none",
  },
};

function entryKey(ownerUid: string, templateHash: string): string {
  return `${ownerUid}/${templateHash}`;
}

function instanceOf(
  template: RecordedTemplate,
  uid: string,
  createdMs: number,
  state: InstanceState,
  targetNode?: string,
): Instance {
  const own = { slot: undefined, targetNode, leaving: undefined };
  return { ...template, ...own, uid, name: uid, createdMs, state };
}
