/**
 * One session with the scheduler, from dialling to its end. The daemon's side of the contract in node.proto.
 *
 *   dialled ──hello──▶ greeting ──welcome──▶ inventory ──done──▶ live ──▶ ended
 *                         │ no welcome in time, or a lower epoch: cancelled
 *
 * Outgoing messages are made only when the stream takes them: what is due is a flag or a set of uids, and the newest
 * state is read when it is written. So a slow scheduler costs no memory here, and gets fewer, newer messages. Nothing is
 * remembered across sessions: the next inventory tells everything.
 */
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { Metadata, status as grpcStatus } from "@grpc/grpc-js";
import type { Clock, Timer } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { Hello } from "../../proto/gen/wherry/v1/Hello.ts";
import type { InstanceStatus } from "../../proto/gen/wherry/v1/InstanceStatus.ts";
import type { NodeMessage } from "../../proto/gen/wherry/v1/NodeMessage.ts";
import type { NodeServiceClient } from "../../proto/gen/wherry/v1/NodeService.ts";
import type { OpenLog__Output } from "../../proto/gen/wherry/v1/OpenLog.ts";
import type { SchedulerMessage__Output } from "../../proto/gen/wherry/v1/SchedulerMessage.ts";
import { batchItemsMax } from "../../proto/node-service.ts";
import type { NodeAssignment, NodeTemplate, TemplateContents } from "../core/assignment.ts";
import { statusDelayMs, welcomeTimeoutMs } from "../core/limits.ts";
import { imageLimits } from "../images/limits.ts";
import { schedulerCauses } from "../core/termination.ts";
import type { ReportedStatus } from "../core/status.ts";
import type { StopReason } from "../core/termination.ts";
import type { TimedUsage } from "../usage-book.ts";
import type { GatewayUpdate } from "../serving/gateway-update.ts";
import type { ConditionSource } from "./condition-source.ts";
import type { ModuleInventory } from "./module-inventory.ts";
import { ModuleNews } from "./module-news.ts";
import { TrafficNews, type TrafficSource } from "./traffic-news.ts";
import {
  ContractViolation,
  isUid,
  notFoundStatus,
  readAssignment,
  readContents,
  readGatewayUpdate,
  readTemplate,
  writeAssignment,
  writeStatus,
  writeUsage,
} from "./wire.ts";

/** What a session works on: the agent, in the session's words. */
export interface SessionInstances {
  beginSession(): void;
  assign(templates: readonly NodeTemplate[], assignments: readonly NodeAssignment[]): void;
  stop(uid: string, graceMs: number | undefined, why?: StopReason): boolean;
  updateContents(updates: readonly TemplateContents[]): void;
  /** Which files its templates have, of those whose files may change. */
  contents(): readonly { readonly templateId: string; readonly contentsId: string }[];
  acknowledge(uids: readonly string[]): void;
  uids(): readonly string[];
  statusOf(uid: string): ReportedStatus | undefined;
  assignmentOf(uid: string): NodeAssignment | undefined;
  takeUsage(): readonly TimedUsage[];
  onStatus(listener: (uid: string) => void): void;
  readonly aliveCount: number;
}

/** What a session tells the node's gateway. */
export interface SessionServing {
  beginSession(): void;
  /** `more`: the next one is another part of the same update. */
  update(part: GatewayUpdate, more: boolean): void;
}

export interface Welcome {
  readonly heartbeatIntervalMs: number;
  readonly stopDisconnectedAfterMs: number;
}

export interface SessionOptions {
  readonly client: NodeServiceClient;
  readonly hello: Hello;
  readonly instances: SessionInstances;
  readonly serving: SessionServing;
  readonly traffic: TrafficSource;
  readonly conditions: ConditionSource;
  readonly modules: ModuleInventory;
  /** Notes an epoch durably; false when a higher one has been seen. */
  readonly admitEpoch: (epoch: number) => boolean;
  readonly onWelcome: (welcome: Welcome) => void;
  /** The scheduler has heard this daemon, at this monotonic time or later. */
  readonly onHeard: (atMs: number) => void;
  readonly openLog: (request: OpenLog__Output) => void;
  readonly usageIntervalMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export interface SessionEnd {
  readonly code: grpcStatus;
  readonly message: string;
}

type Call = ClientDuplexStream<NodeMessage, SchedulerMessage__Output>;

/** Inventory messages are also cut by size, since labels and annotations have none in common. */
const inventoryCharsMax = 4 * 1024 * 1024;

export class NodeSession {
  readonly #options: SessionOptions;
  readonly #call: Call;
  readonly #timers = new Set<Timer>();
  readonly #dirty = new Set<string>();
  /** Stops of instances that are not here, to be answered. Bounded by what the scheduler believes to be here. */
  readonly #notFound = new Set<string>();
  /** Undefined once the inventory is sent; null before the welcome. */
  #inventory: readonly string[] | undefined | null = null;
  /** Not told yet; before the inventory, after which the scheduler compares them. */
  #contents: readonly { readonly templateId: string; readonly contentsId: string }[] = [];
  /** Taken from the book and not written yet. */
  #usages: readonly TimedUsage[] = [];
  #heartbeatDue = false;
  /** When the hello or the heartbeat was sent that is not answered yet. */
  #unansweredSinceMs: number | undefined;
  #usageDue = false;
  #conditionsDue = false;
  #moduleNews: ModuleNews | undefined;
  #trafficNews: TrafficNews | undefined;
  /** Told next. Bounded by the workloads that routes name. */
  readonly #wakeUps = new Set<string>();
  #statusDue = false;
  #windowFull = false;
  #ended = false;
  #flushed: (() => void) | undefined;
  readonly #end = Promise.withResolvers<SessionEnd>();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#call = options.client.session(new Metadata());
    this.#call.on("data", (message: SchedulerMessage__Output) => this.#receive(message));
    this.#call.on("drain", () => {
      this.#windowFull = false;
      this.#pump();
    });
    // Status comes last and always; an error event says the same.
    this.#call.on("error", () => {});
    this.#call.on("status", ({ code, details }) => this.#finish(code, details));
    this.#after(welcomeTimeoutMs, () => {
      if (this.#inventory === null) {
        this.#cancel(grpcStatus.DEADLINE_EXCEEDED, `no welcome within ${welcomeTimeoutMs / 1000} s`);
      }
    });
    this.#unansweredSinceMs = options.clock.monotonic();
    this.#write({ hello: options.hello });
  }

  /** Resolves when the session is over, however that came. */
  get ended(): Promise<SessionEnd> {
    return this.#end.promise;
  }

  /** Resolves when everything known now has been written. */
  async flush(): Promise<void> {
    if (this.#ended || this.#inventory === null) return;
    this.#statusDue = true;
    const flushed = new Promise<void>((resolve) => (this.#flushed = resolve));
    this.#pump();
    await Promise.race([flushed, this.#end.promise]);
  }

  /** Requests wait for these. */
  wake(workloads: readonly string[]): void {
    if (this.#ended) return;
    for (const uid of workloads) this.#wakeUps.add(uid);
    this.#pump();
  }

  /** Ends the session in order: the scheduler sees a clean end. */
  close(): void {
    if (!this.#ended) this.#call.end();
  }

  /** Ends it at once. */
  abort(reason: string): void {
    this.#cancel(grpcStatus.CANCELLED, reason);
  }

  #receive(message: SchedulerMessage__Output): void {
    if (this.#ended) return;
    try {
      this.#dispatch(message);
    } catch (thrown) {
      if (!(thrown instanceof ContractViolation))
        this.#options.log.error("bug in a session", { err: thrown });
      this.#cancel(grpcStatus.INVALID_ARGUMENT, errorMessage(thrown));
    }
  }

  #dispatch(message: SchedulerMessage__Output): void {
    const { instances, admitEpoch } = this.#options;
    if (!admitEpoch(message.epoch)) {
      this.#cancel(
        grpcStatus.FAILED_PRECONDITION,
        `the scheduler's epoch ${message.epoch} is over; this node has seen a later one`,
      );
      return;
    }
    if (message.welcome) {
      this.#greet(message.welcome);
      return;
    }
    if (this.#inventory === null) throw new ContractViolation("the first message must be welcome");
    if (message.assign) {
      const { templates, assignments } = message.assign;
      instances.assign(templates.map(readTemplate), assignments.map(readAssignment));
    } else if (message.updateContents) {
      instances.updateContents(message.updateContents.templates.map(readContents));
    } else if (message.updateGateway) {
      this.#options.serving.update(readGatewayUpdate(message.updateGateway), message.updateGateway.more);
    } else if (message.stop) {
      for (const { uid, hasGrace, graceMs, reason, message: text } of message.stop.instances) {
        if (!isUid(uid)) throw new ContractViolation(`stop of uid "${uid}"`);
        const cause = schedulerCauses.find((one) => one === reason);
        const why = cause === undefined ? undefined : { cause, message: text };
        if (instances.stop(uid, hasGrace ? graceMs : undefined, why)) continue;
        this.#notFound.add(uid);
        this.#scheduleStatus();
      }
    } else if (message.acknowledge) {
      instances.acknowledge(message.acknowledge.uids);
    } else if (message.openLog) {
      this.#options.openLog(message.openLog);
    } else if (message.heartbeatAnswer) {
      this.#answered();
    }
  }

  #greet(welcome: Welcome): void {
    if (this.#inventory !== null) throw new ContractViolation("welcome came twice");
    const { instances, serving, onWelcome } = this.#options;
    instances.beginSession();
    serving.beginSession();
    instances.onStatus((uid) => {
      this.#dirty.add(uid);
      this.#scheduleStatus();
    });
    this.#inventory = instances.uids();
    this.#contents = instances.contents();
    const { conditions, modules, traffic, clock } = this.#options;
    this.#trafficNews = new TrafficNews(traffic, clock, () => this.#pump());
    const news = new ModuleNews(modules, 2 * imageLimits.namesMax);
    this.#moduleNews = news;
    modules.onChange((image) => {
      news.changed(image);
      this.#pump();
    });
    conditions.onChange(() => {
      this.#conditionsDue = true;
      this.#pump();
    });
    this.#conditionsDue = conditions.conditions().length > 0;
    onWelcome(welcome);
    this.#answered();
    this.#repeat(Math.max(100, welcome.heartbeatIntervalMs), () => (this.#heartbeatDue = true));
    this.#repeat(this.#options.usageIntervalMs, () => (this.#usageDue = true));
    this.#pump();
  }

  #answered(): void {
    if (this.#unansweredSinceMs === undefined) return;
    this.#options.onHeard(this.#unansweredSinceMs);
    this.#unansweredSinceMs = undefined;
    this.#pump();
  }

  #scheduleStatus(): void {
    if (this.#statusDue || this.#ended) return;
    this.#statusDue = true;
    this.#after(statusDelayMs, () => this.#pump());
  }

  /** Writes what is due, in the contract's order, until the stream is full. */
  #pump(): void {
    while (!this.#windowFull && !this.#ended) {
      const message = this.#next();
      if (!message) break;
      this.#write(message);
    }
    if (this.#flushed && !this.#windowFull && this.#dirty.size === 0) this.#flushed();
  }

  #next(): NodeMessage | undefined {
    if (this.#inventory === null) return undefined;
    // Before the inventory, after which the scheduler places instances here, and before ends that make it place others.
    if (this.#conditionsDue) {
      this.#conditionsDue = false;
      return { conditions: { conditions: [...this.#options.conditions.conditions()] } };
    }
    const modules = this.#moduleNews?.take();
    if (modules) return { modules };
    if (this.#contents.length > 0) {
      const templates = this.#contents.slice(0, batchItemsMax);
      this.#contents = this.#contents.slice(batchItemsMax);
      return { contents: { templates } };
    }
    if (this.#inventory) {
      const traffic = this.#trafficNews?.take();
      return traffic ? { traffic } : this.#inventoryPart(this.#inventory);
    }
    // Clients wait.
    if (this.#wakeUps.size > 0) return { wakeUp: { workloadUids: this.#takeWakeUps() } };
    // One at a time: an answer then belongs to the last one.
    if (this.#heartbeatDue && this.#unansweredSinceMs === undefined) {
      this.#heartbeatDue = false;
      this.#unansweredSinceMs = this.#options.clock.monotonic();
      const rssBytes = process.memoryUsage.rss();
      return { heartbeat: { rssBytes, instances: this.#options.instances.aliveCount } };
    }
    if (this.#dirty.size > 0 || this.#notFound.size > 0)
      return { status: { statuses: this.#takeStatuses() } };
    this.#statusDue = false;
    const traffic = this.#trafficNews?.take();
    if (traffic) return { traffic };
    return this.#usageDue ? this.#usagePart() : undefined;
  }

  #inventoryPart(uids: readonly string[]): NodeMessage {
    const { instances, clock } = this.#options;
    const held = [];
    let chars = 0;
    let taken = 0;
    for (const uid of uids) {
      if (held.length >= batchItemsMax || chars > inventoryCharsMax) break;
      taken++;
      const assignment = instances.assignmentOf(uid);
      const status = instances.statusOf(uid);
      // Acknowledged since the inventory began.
      if (!assignment || !status) continue;
      this.#dirty.delete(uid);
      chars += charsOf(assignment) + status.message.length;
      held.push({
        assignment: writeAssignment(assignment),
        status: writeStatus(uid, status, clock.monotonic()),
      });
    }
    const rest = uids.slice(taken);
    this.#inventory = rest.length > 0 ? rest : undefined;
    return { inventory: { instances: held, done: rest.length === 0 } };
  }

  #takeWakeUps(): string[] {
    const uids = [...this.#wakeUps].slice(0, batchItemsMax);
    for (const uid of uids) this.#wakeUps.delete(uid);
    return uids;
  }

  #takeStatuses(): InstanceStatus[] {
    const { instances, clock } = this.#options;
    const statuses: InstanceStatus[] = [];
    for (const uid of this.#dirty) {
      if (statuses.length >= batchItemsMax) return statuses;
      this.#dirty.delete(uid);
      const status = instances.statusOf(uid);
      if (status) statuses.push(writeStatus(uid, status, clock.monotonic()));
    }
    for (const uid of this.#notFound) {
      if (statuses.length >= batchItemsMax) break;
      this.#notFound.delete(uid);
      // It may have been assigned meanwhile: then there is a real status.
      if (!instances.assignmentOf(uid)) statuses.push(notFoundStatus(uid, clock.now()));
    }
    return statuses;
  }

  #usagePart(): NodeMessage | undefined {
    if (this.#usages.length === 0) this.#usages = this.#options.instances.takeUsage();
    const part = this.#usages.slice(0, batchItemsMax);
    this.#usages = this.#usages.slice(batchItemsMax);
    this.#usageDue = this.#usages.length > 0;
    const usages = part.map((usage) => writeUsage(usage, this.#options.clock.monotonic()));
    return usages.length > 0 ? { usage: { usages } } : undefined;
  }

  #write(message: NodeMessage): void {
    this.#windowFull = !this.#call.write(message);
  }

  #after(delayMs: number, fire: () => void): void {
    const timer = this.#options.clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      fire();
    });
    this.#timers.add(timer);
  }

  #repeat(intervalMs: number, mark: () => void): void {
    this.#after(intervalMs, () => {
      mark();
      this.#pump();
      this.#repeat(intervalMs, mark);
    });
  }

  /** gRPC lets a client only cancel; the code and text are for our own log. */
  #cancel(code: grpcStatus, message: string): void {
    this.#finish(code, message);
    this.#call.cancel();
  }

  #finish(code: grpcStatus, message: string): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#options.instances.onStatus(() => {});
    this.#options.conditions.onChange(() => {});
    this.#options.modules.onChange(() => {});
    this.#trafficNews?.close();
    this.#end.resolve({ code, message });
  }
}

function charsOf(assignment: NodeAssignment): number {
  let chars = 256;
  for (const map of [assignment.labels, assignment.annotations]) {
    for (const key in map) chars += key.length + (map[key]?.length ?? 0);
  }
  return chars;
}
