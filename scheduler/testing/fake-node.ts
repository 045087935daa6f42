import type { LogOptions } from "../apiserver/live-resource.ts";
import { type Instance, noAmounts, type ObservedStatus } from "../core/model.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { HeldContents } from "../nodes/held-contents.ts";
import type {
  ContentsOf,
  GatewayUpdate,
  HeldInstance,
  NodeHello,
  NodeListener,
  NodeSession,
  NodeTemplate,
  StopReason,
  WorkloadTraffic,
} from "../nodes/node-port.ts";

export const running: ObservedStatus = {
  phase: "Running",
  ready: true,
  reason: "",
  message: "",
  exitCode: undefined,
  restarts: 0,
  startedMs: 1,
  readySinceMs: 1,
  finishedMs: undefined,
  lastTermination: undefined,
  logsDropped: false,
  sequence: 1,
  isolation: "shared",
};

/** A node daemon's side of a session without a wire: holds what it is assigned, and reports when told to. */
export class FakeNode implements NodeSession {
  readonly nodeName: string;
  readonly held = new Map<string, HeldInstance>();
  readonly templates = new Map<string, NodeTemplate>();
  readonly contents = new HeldContents();
  /** Each that was sent: the text of its files, by template id. */
  readonly updates: { readonly templateId: string; readonly files: Readonly<Record<string, string>> }[] = [];
  readonly acknowledged: string[] = [];
  readonly stopped: string[] = [];
  /** Why, of those that were told why. */
  readonly stopReasons = new Map<string, StopReason>();
  readonly #listener: NodeListener;
  readonly gateway = new FakeGateway();
  closed: string | undefined;
  /** Why the scheduler does not let it in. */
  refused: string | undefined;

  constructor(nodeName: string, listener: NodeListener, held: readonly HeldInstance[] = []) {
    this.nodeName = nodeName;
    this.#listener = listener;
    for (const entry of held) this.held.set(entry.instance.uid, entry);
  }

  connect(hello: Partial<NodeHello> = {}): this {
    const capacity = {
      cpuMillis: 4_000,
      memoryBytes: 2 ** 32,
      instances: 1_000,
      processes: 10,
      extended: noAmounts,
    };
    this.refused = this.#listener.connected(
      {
        name: this.nodeName,
        daemonVersion: "test",
        bootId: "boot",
        capacity,
        allocatable: capacity,
        runtimes: [{ name: "v8", version: "14", features: ["isolation-process"] }],
        labels: {},
        operatingSystem: "linux",
        architecture: "amd64",
        kernelVersion: "6",
        grants: undefined,
        gateway: undefined,
        metricsAddress: undefined,
        ...hello,
      },
      this,
    );
    if (this.refused === undefined) this.#listener.inventory(this, [...this.held.values()], true);
    return this;
  }

  /** Reports a status of one instance, with the next sequence. */
  report(uid: string, status: Partial<ObservedStatus>): void {
    const entry = this.held.get(uid);
    const sequence = (entry?.status.sequence ?? 0) + 1;
    const next = { ...running, ...status, sequence };
    if (entry) this.held.set(uid, { ...entry, status: next });
    this.#listener.statuses(this, [{ uid, status: next }]);
  }

  /** Says this of itself; what is not named is not so. */
  say(conditions: Readonly<Record<string, boolean>>): void {
    this.#listener.conditions(
      this,
      Object.entries(conditions).map(([type, status]) => ({
        type,
        status,
        reason: `${type}${status ? "Begun" : "Over"}`,
        message: `${type} is ${status}`,
        transitionMs: 1_000,
      })),
    );
  }

  /** Meters these bytes of memory for each instance that it holds. */
  use(memoryBytes: number): void {
    this.#listener.usages(
      this,
      [...this.held.keys()].map((uid) => ({ uid, cpuUs: 0, memoryBytes, fuel: 0, throttledUs: 0, ageMs: 0 })),
    );
  }

  /** Its gateway has counted this. */
  tell(...workloads: readonly WorkloadTraffic[]): void {
    this.#listener.traffic(this, workloads);
  }

  hasModules(...images: readonly string[]): void {
    this.#listener.modules(
      this,
      images.map((image) => ({ image, state: "prepared" })),
      true,
    );
  }

  runAll(): void {
    for (const [uid, { status }] of this.held) if (status.phase === "Pending") this.report(uid, {});
  }

  disconnect(): void {
    this.#listener.disconnected(this);
  }

  assign(instance: Instance, template: NodeTemplate): void {
    this.templates.set(template.id, template);
    const { owner, templateHash } = instance;
    this.contents.assigned(instance.uid, { ownerUid: owner.uid, templateHash }, template);
    this.contents.sent(template.id, template.contentsId);
    if (this.held.has(instance.uid)) return;
    this.held.set(instance.uid, {
      instance,
      status: { ...running, phase: "Pending", ready: false, sequence: 0 },
    });
  }

  updateContents(ownerUid: string, contentsOf: ContentsOf): number {
    let bytes = 0;
    for (const { templateId, templateHash } of this.contents.templatesOf(ownerUid)) {
      const { contentsId = "", contents = [] } = contentsOf(templateHash) ?? {};
      if (contentsId === "" || this.contents.has(templateId, contentsId)) continue;
      this.contents.sent(templateId, contentsId);
      const files = contents.flatMap((volume) => volume.files);
      const texts = files.map(({ path, data }) => [path, Buffer.from(data).toString()]);
      this.updates.push({ templateId, files: Object.fromEntries(texts) as Record<string, string> });
      for (const { data } of files) bytes += data.byteLength;
    }
    return bytes;
  }

  contentsOwners(): Iterable<string> {
    return this.contents.owners();
  }

  updateGateway(update: GatewayUpdate): number {
    this.gateway.take(update);
    return 1;
  }

  /** Requests wait at its gateway. */
  wake(...workloadUids: readonly string[]): void {
    this.#listener.wakeUp(this, workloadUids);
  }

  stop(uid: string, _graceMs: number | undefined, why?: StopReason): void {
    this.stopped.push(uid);
    if (why) this.stopReasons.set(uid, why);
  }

  /** Those that were told to stop, up to `count`, have done so. */
  endStopped(count = Number.POSITIVE_INFINITY): void {
    for (const uid of this.stopped.splice(0, count)) {
      const { reason, message } = this.stopReasons.get(uid) ?? { reason: "Stopped", message: "" };
      this.report(uid, { phase: "Failed", ready: false, reason, message, finishedMs: 2 });
    }
  }

  acknowledge(uid: string): void {
    this.acknowledged.push(uid);
    this.contents.released(uid);
    this.held.delete(uid);
  }

  async *openLog(uid: string, _options: LogOptions, _signal: AbortSignal): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`log of ${uid}\n`);
  }

  close(reason: string): void {
    this.closed = reason;
  }
}
