/**
 * The scheduler's end of one node's session.
 *
 *   opened ──hello──▶ registering ──inventory done──▶ live ──▶ closed
 *
 * Commands are queued per kind, keyed by uid, and written once per event-loop turn in batches of bounded size; a full
 * HTTP/2 window delays the next write until it drains. Since a command is keyed by uid and a node holds a bounded
 * number of instances, so is the queue. A session that ends drops what it had queued: the node's next inventory says
 * what had arrived, and the engine decides anew.
 */
import { status as grpcStatus, type ServerDuplexStream } from "@grpc/grpc-js";
import { randomUUID } from "node:crypto";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { NodeMessage__Output } from "../../proto/gen/wherry/v1/NodeMessage.ts";
import type { SchedulerMessage } from "../../proto/gen/wherry/v1/SchedulerMessage.ts";
import { batchItemsMax, protocolVersion } from "../../proto/node-service.ts";
import type { LogOptions } from "../apiserver/live-resource.ts";
import type { Instance } from "../core/model.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import type { LogRelay } from "./log-relay.ts";
import type { SessionFigures, SessionRefusal } from "./session-figures.ts";
import type { AssignmentProofs } from "./assignment-proofs.ts";
import { contentBytes, ContentsFeed } from "./contents-feed.ts";
import { GatewayQueue } from "./gateway-queue.ts";
import type {
  ContentsOf,
  GatewayUpdate,
  NodeListener,
  NodeSession,
  NodeTemplate,
  StopReason,
} from "./node-port.ts";
import { ContractViolation } from "./contract-violation.ts";
import {
  readConditions,
  readContents,
  readHeld,
  readHello,
  readModules,
  readStatus,
  readTraffic,
  readWakeUp,
  writeAssignment,
  writeTemplate,
} from "./wire.ts";

type SessionCall = ServerDuplexStream<NodeMessage__Output, SchedulerMessage>;

/** What a grace can be at most on the wire; more would come round to next to nothing. */
const uint32Max = 2 ** 32 - 1;

export interface SessionOptions {
  readonly call: SessionCall;
  /** From the client certificate; a hello with another name is refused. */
  readonly certifiedName: string;
  readonly epoch: number;
  readonly heartbeatIntervalMs: number;
  readonly stopDisconnectedAfterMs: number;
  readonly listener: NodeListener;
  readonly logs: LogRelay;
  readonly figures: SessionFigures;
  readonly proofs: AssignmentProofs;
  readonly log: Log;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Milliseconds since the Unix epoch. */
  readonly wallNow: () => number;
}

interface QueuedAssignment {
  readonly instance: Instance;
  readonly template: NodeTemplate;
  readonly traceparent: string;
}

interface QueuedStop {
  readonly graceMs: number | undefined;
  readonly why: StopReason | undefined;
}

/** Templates of one message together; far below the message limit, so that instances fit beside them. */
const templateBytesPerMessage = 8 * 1024 * 1024;

const refusalCodes = {
  identity: grpcStatus.PERMISSION_DENIED,
  protocol: grpcStatus.UNIMPLEMENTED,
  duplicate: grpcStatus.ALREADY_EXISTS,
  contract: grpcStatus.INVALID_ARGUMENT,
} as const;

export class ServerSession implements NodeSession {
  readonly nodeName: string;
  /** When the last message came, for the server's sweep. */
  lastHeardMs: number;
  readonly #options: SessionOptions;
  readonly #assignments = new Map<string, QueuedAssignment>();
  readonly #stops = new Map<string, QueuedStop>();
  readonly #acknowledgements = new Acknowledgements();
  readonly #sentTemplates = new Set<string>();
  readonly #contents: ContentsFeed;
  readonly #gateway = new GatewayQueue();
  #registered = false;
  #closed = false;
  #flushScheduled = false;
  #windowFull = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.nodeName = options.certifiedName;
    this.#contents = new ContentsFeed(this.nodeName, options.proofs);
    this.lastHeardMs = options.now();
    const { call } = options;
    call.on("data", (message: NodeMessage__Output) => this.#receive(message));
    call.on("end", () => {
      this.#end();
      call.end();
    });
    call.on("error", () => this.#end());
    call.on("cancelled", () => this.#end());
    call.on("close", () => this.#end());
    call.on("drain", () => {
      this.#windowFull = false;
      this.#scheduleFlush();
    });
  }

  assign(instance: Instance, template: NodeTemplate, traceparent = ""): void {
    const assigned = this.#contents.assigned(instance, template);
    this.#assignments.set(instance.uid, { instance, template: assigned, traceparent });
    this.#scheduleFlush();
  }

  updateContents(ownerUid: string, contentsOf: ContentsOf): number {
    const bytes = this.#contents.update(ownerUid, contentsOf);
    if (bytes > 0) this.#scheduleFlush();
    return bytes;
  }

  contentsOwners(): Iterable<string> {
    return this.#contents.owners();
  }

  updateGateway(update: GatewayUpdate): number {
    const bytes = this.#gateway.put(update);
    this.#scheduleFlush();
    return bytes;
  }

  stop(uid: string, graceMs: number | undefined, why?: StopReason): void {
    // Whoever goes on with it in spite of that, or holds what was never wanted of it, is sent no Secrets any more.
    if (graceMs === 0) this.#contents.released(uid);
    // A stop of an assignment that is still queued must reach the node after it, which the order of #flush ensures.
    this.#stops.set(uid, { graceMs, why: why ?? this.#stops.get(uid)?.why });
    this.#scheduleFlush();
  }

  acknowledge(uid: string): void {
    this.#contents.released(uid);
    this.#acknowledgements.add(uid);
    this.#scheduleFlush();
  }

  openLog(uid: string, options: LogOptions, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const streamId = randomUUID();
    const chunks = this.#options.logs.read(streamId, this.nodeName, signal);
    this.#write({
      openLog: {
        streamId,
        uid,
        follow: options.follow,
        tailLines: options.tailLines ?? -1,
        sinceMs: options.sinceMs ?? 0,
        timestamps: options.timestamps,
      },
    });
    return chunks;
  }

  close(reason: string): void {
    this.#fail(grpcStatus.ABORTED, reason);
  }

  #receive(message: NodeMessage__Output): void {
    if (this.#closed) return;
    this.lastHeardMs = this.#options.now();
    this.#options.figures.messageReceived(message);
    try {
      this.#dispatch(message);
    } catch (thrown) {
      if (!(thrown instanceof ContractViolation)) throw thrown;
      this.#options.log.warn("session closed: the node broke the contract", { err: thrown });
      this.#refuse("contract", errorMessage(thrown));
    }
  }

  #dispatch(message: NodeMessage__Output): void {
    const { listener } = this.#options;
    const nowMs = this.#options.wallNow();
    if (message.hello) {
      this.#register(message.hello);
      return;
    }
    if (!this.#registered) throw new ContractViolation("the first message of a session must be hello");
    if (message.inventory) {
      this.#takeInventory(message.inventory, nowMs);
    } else if (message.status) {
      const statuses = message.status.statuses.map((status) => ({
        uid: status.uid,
        status: readStatus(status, nowMs),
      }));
      listener.statuses(this, statuses);
    } else if (message.usage) {
      listener.usages(this, message.usage.usages);
    } else if (message.traffic) {
      listener.traffic(this, readTraffic(message.traffic));
    } else if (message.conditions) {
      listener.conditions(this, readConditions(message.conditions));
    } else if (message.contents) {
      this.#contents.told(readContents(message.contents));
    } else if (message.modules) {
      listener.modules(this, readModules(message.modules), message.modules.complete);
    } else if (message.wakeUp) {
      listener.wakeUp(this, readWakeUp(message.wakeUp));
    } else if (message.heartbeat) {
      this.#write({ heartbeatAnswer: {} });
    }
  }

  #takeInventory({ instances, done }: NonNullable<NodeMessage__Output["inventory"]>, nowMs: number): void {
    const held = instances.flatMap((entry) => {
      const one = readHeld(entry, this.nodeName, nowMs);
      if (this.#acknowledgements.cross(one.instance.uid, one.status)) return [];
      this.#contents.reported(one.instance, entry.assignment?.proof ?? "");
      return [one];
    });
    if (done) this.#acknowledgements.inventoryDone();
    this.#options.listener.inventory(this, held, done);
  }

  #register(message: NonNullable<NodeMessage__Output["hello"]>): void {
    if (this.#registered) throw new ContractViolation("hello came twice");
    if (message.protocolVersion !== protocolVersion) {
      const text = `this scheduler speaks protocol ${protocolVersion}, the daemon ${message.protocolVersion}; upgrade the older one`;
      this.#refuse("protocol", text);
      return;
    }
    const hello = readHello(message);
    if (hello.name !== this.nodeName) {
      const text = `the certificate is for node ${this.nodeName}, hello says ${hello.name}`;
      this.#refuse("identity", text);
      return;
    }
    const { heartbeatIntervalMs, stopDisconnectedAfterMs, listener } = this.#options;
    const refusal = listener.connected(hello, this);
    if (refusal !== undefined) {
      this.#refuse("duplicate", refusal);
      return;
    }
    this.#registered = true;
    this.#options.figures.opened++;
    this.#contents.canUpdate = message.updatesContents;
    this.#write({ welcome: { heartbeatIntervalMs, stopDisconnectedAfterMs } });
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#closed) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (!this.#closed && !this.#windowFull) {
      if (this.#assignments.size > 0) this.#writeAssignments();
      else if (this.#contents.isDue) this.#writeUpdates();
      else if (this.#stops.size > 0) this.#writeStops();
      else if (this.#acknowledgements.isDue)
        this.#write({ acknowledge: { uids: this.#acknowledgements.take(batchItemsMax) } });
      // Last: it may be megabytes, and gateways go on with what they know.
      else if (this.#gateway.isDue) this.#write({ updateGateway: this.#gateway.take() });
      else return;
    }
  }

  #writeAssignments(): void {
    const templates: NodeTemplate[] = [];
    const assignments = [];
    let templateBytes = 0;
    for (const [uid, { instance, template, traceparent }] of this.#assignments) {
      if (!this.#sentTemplates.has(template.id) || !this.#contents.isCurrent(template)) {
        const bytes = sizeOf(template);
        if (assignments.length > 0 && templateBytes + bytes > templateBytesPerMessage) break;
        templateBytes += bytes;
        this.#sentTemplates.add(template.id);
        this.#contents.sent(template);
        templates.push(template);
      }
      this.#assignments.delete(uid);
      const proof = this.#contents.proofOf(instance, template);
      assignments.push({ ...writeAssignment(instance, template.id), proof, traceparent });
      if (assignments.length >= batchItemsMax) break;
    }
    this.#write({ assign: { templates: templates.map(writeTemplate), assignments } });
  }

  #writeUpdates(): void {
    this.#write({ updateContents: { templates: this.#contents.take(templateBytesPerMessage) } });
  }

  #writeStops(): void {
    const instances = take(this.#stops, batchItemsMax).map(([uid, { graceMs, why }]) => ({
      uid,
      hasGrace: graceMs !== undefined,
      graceMs: Math.min(graceMs ?? 0, uint32Max),
      reason: why?.reason ?? "",
      message: why?.message ?? "",
    }));
    this.#write({ stop: { instances } });
  }

  #write(message: SchedulerMessage): void {
    if (this.#closed) return;
    this.#options.figures.messageSent(message);
    this.#windowFull = !this.#options.call.write({ epoch: this.#options.epoch, ...message });
  }

  #refuse(refusal: Exclude<SessionRefusal, "certificate">, details: string): void {
    if (this.#closed) return;
    this.#options.figures.refused[refusal]++;
    this.#fail(refusalCodes[refusal], details);
  }

  #fail(code: grpcStatus, details: string): void {
    if (this.#closed) return;
    this.#end();
    this.#options.call.emit("error", { code, details });
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#registered) this.#options.listener.disconnected(this);
  }
}

function sizeOf(template: NodeTemplate): number {
  return template.specJson.byteLength + contentBytes(template);
}

function take<K, V>(map: Map<K, V>, count: number): [K, V][] {
  const taken: [K, V][] = [];
  for (const entry of map) {
    if (taken.length >= count) break;
    taken.push(entry);
    map.delete(entry[0]);
  }
  return taken;
}
