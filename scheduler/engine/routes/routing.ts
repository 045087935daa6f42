/** Everything about routes and gateways in the engine, put together: the engine tells it what happens, and lets it run each turn. */
import { type CallEndpoint, ticketLimits } from "../../../api/call-ticket.ts";
import { isDeepStrictEqual } from "node:util";
import type { Clock, Timer } from "../../../kit/clock.ts";
import type { Log } from "../../../kit/log.ts";
import type { Backend, BackendEvent } from "../../backend/backend.ts";
import type { InstanceChange } from "../../core/cluster-state/changes.ts";
import type { ClusterState } from "../../core/cluster-state/cluster-state.ts";
import { ChangeLog } from "../../core/routes/change-log.ts";
import { WideHosts } from "../../core/routes/wide-hosts.ts";
import type { ConfigKind } from "../../core/templates/resolve-template.ts";
import type { NodeGateway, NodeSession } from "../../nodes/node-port.ts";
import type { EventRecorder } from "../event-recorder.ts";
import type { RevisionKeeper } from "../revisions/revision-keeper.ts";
import type { Workload } from "../workloads.ts";
import { CertificateShelf } from "./certificate-shelf.ts";
import { GatewayBook } from "./gateway-book.ts";
import { GatewayFeeds } from "./gateway-feeds.ts";
import { GatewayTable } from "./gateway-table.ts";
import { RequestWakeUps, type RequestWakeUpsOptions } from "./request-wake-ups.ts";
import { RouteKeeper } from "./route-keeper.ts";
import { RouteStatuses } from "./route-statuses.ts";
import { ServedWorkloads } from "./served-workloads.ts";
import { WorkloadBoard } from "./workload-board.ts";

export interface RoutingOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly log: Log;
  /** After this long nobody waits any more for nodes that have not reported. */
  readonly lostAfterMs: number;
  readonly state: Pick<ClusterState, "instancesOwnedBy">;
  readonly events: EventRecorder;
  readonly revisions: RevisionKeeper;
  /** No route names one of its revisions any more that one has named. */
  readonly unpinned: (workloadUid: string) => void;
  readonly session: (nodeName: string) => NodeSession | undefined;
  readonly wakeUps: Pick<RequestWakeUpsOptions, "workload" | "refusal" | "seen" | "stored">;
  /** Whether all instances of a workload have been reported. */
  readonly isKnown: (workloadUid: string) => boolean;
  /** Namespaces that may have routes for `*` and `*.com` without a label that says so; `*`: all. */
  readonly wideHostNamespaces?: readonly string[] | undefined;
  /** Public keys, PEM, of those who sign tickets for calls of functions. */
  readonly ticketKeys?: readonly string[] | undefined;
  /** `run` is to be called at the end of a turn. */
  readonly again: () => void;
}

export class Routing implements AsyncDisposable {
  readonly #options: RoutingOptions;
  readonly #log = new ChangeLog();
  readonly #gateways = new GatewayBook();
  readonly #table: GatewayTable;
  readonly #board: WorkloadBoard;
  readonly #workloads: ServedWorkloads;
  readonly #certificates: CertificateShelf;
  readonly #keeper: RouteKeeper;
  readonly #statuses: RouteStatuses;
  readonly #feeds: GatewayFeeds;
  readonly #wakeUps: RequestWakeUps;
  /** At whose gateways requests wait for a workload. */
  readonly #waiting = new Map<string, Set<string>>();
  #isStarted = false;
  #openTimer: Timer | undefined;

  constructor(options: RoutingOptions) {
    this.#options = options;
    const { backend, clock, state, revisions, session, isKnown, again, ticketKeys = [] } = options;
    this.#table = new GatewayTable({
      log: this.#log,
      ticketKeys,
      board: () => this.#board,
      gateway: (nodeName) => this.#gateways.get(nodeName),
      isKnown: (uid) => this.#feeds.isOpen || isKnown(uid),
    });
    this.#board = new WorkloadBoard({
      instancesOf: (uid) => state.instancesOwnedBy(uid),
      changed: (uid) => {
        again();
        return this.#table.workloadChanged(uid);
      },
      awake: (uid) => this.#hurry(uid),
    });
    this.#workloads = new ServedWorkloads({
      table: this.#table,
      board: this.#board,
      template: (uid, hash) => revisions.template(uid, hash),
      isNamed: (uid) => this.#keeper.isPublished(uid),
    });
    this.#wakeUps = new RequestWakeUps({ ...options, ...options.wakeUps });
    this.#certificates = new CertificateShelf({ backend, table: this.#table });
    this.#keeper = new RouteKeeper({
      clock,
      table: this.#table,
      workloads: this.#workloads,
      certificates: this.#certificates,
      gateways: this.#gateways,
      wideHosts: new WideHosts(options.wideHostNamespaces ?? []),
      revisions,
      unpinned: options.unpinned,
      again,
      judged: (uid) => this.#statuses.schedule(uid),
    });
    this.#statuses = new RouteStatuses({
      ...options,
      route: (uid) => this.#keeper.route(uid),
      facts: (uid) => this.#keeper.facts(uid),
    });
    this.#feeds = new GatewayFeeds({
      clock,
      log: this.#log,
      session,
      updateFor: (nodeName, since) => this.#table.updateFor(nodeName, since),
      told: (version) => {
        this.#log.forget(version);
        this.#board.forget(version);
      },
      again,
    });
  }

  /** Everything declared is known. */
  started(): void {
    this.#isStarted = true;
    const { clock, lostAfterMs, again } = this.#options;
    this.#openTimer = clock.setTimer(lostAfterMs, () => this.open());
    again();
  }

  /** All nodes have reported, or are not waited for any more. */
  open(): void {
    if (this.#feeds.isOpen || !this.#isStarted) return;
    this.#openTimer?.cancel();
    // First what has come with the reports, so that nobody is told everything twice.
    this.#keeper.run();
    this.#gateways.complete();
    this.#keeper.gatewaysChanged();
    this.#feeds.open();
  }

  async close(): Promise<void> {
    this.#openTimer?.cancel();
    this.#feeds.close();
    await Promise.all([this.#statuses.close(), this.#wakeUps.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  routeEvent(event: BackendEvent): void {
    this.#keeper.event(event);
  }

  /** `labels` undefined: it is gone. */
  namespaceChanged(name: string, labels: Readonly<Record<string, string>> | undefined): void {
    this.#keeper.namespaceChanged(name, labels);
  }

  configEvent(kind: ConfigKind, event: BackendEvent): void {
    if (kind !== "Secret" || event.kind === "synced") return;
    const { namespace = "", name } = event.object.metadata;
    this.#keeper.secretChanged(namespace, name);
  }

  workloadPut(workload: Workload): void {
    if (workload.kind !== "WasmJob" && this.#workloads.put(workload)) this.#keeper.workloadChanged(workload);
  }

  workloadGone(workload: Workload): void {
    if (workload.kind === "WasmJob") return;
    this.#workloads.delete(workload);
    this.#waiting.delete(workload.object.metadata.uid);
    this.#wakeUps.gone(workload.object.metadata.uid);
    this.#keeper.workloadChanged(workload);
  }

  /** What is kept of its templates is another. */
  revisionsChanged(workloadUid: string): void {
    const workload = this.#workloads.get(workloadUid);
    if (workload) this.#keeper.workloadChanged(workload);
  }

  /** Whether a route names this revision of the workload. */
  isPinned(workload: Workload, number: number): boolean {
    return this.#keeper.isPinned(workload, number);
  }

  instanceChanged(change: InstanceChange): void {
    this.#board.instanceChanged(change);
  }

  /** What a node says of its gateway; undefined: it has none, or is lost. */
  gatewayChanged(nodeName: string, gateway: NodeGateway | undefined): void {
    const before = this.#gateways.known();
    if (!this.#gateways.set(nodeName, gateway)) return;
    this.#board.gatewayChanged(nodeName);
    if (gateway === undefined) this.#feeds.gone(nodeName);
    // Thousands come at once, and routes show one of them.
    if (!isDeepStrictEqual(this.#gateways.known(), before)) this.#keeper.gatewaysChanged();
    this.#options.again();
  }

  /** The node's session has told all that it holds. */
  registered(nodeName: string): void {
    if (!this.#gateways.get(nodeName)) return;
    // Whoever calls functions is known at once, whatever else has to wait until all nodes have reported.
    const keys = this.#table.keys();
    if (keys.ticketKeys.length > 0) this.#options.session(nodeName)?.updateGateway(keys);
    this.#feeds.registered(nodeName);
  }

  /** Requests wait at this node's gateway: what sleeps is woken up, and the node is told first when something is ready. */
  wakeUp(nodeName: string, workloadUids: readonly string[]): void {
    for (const uid of workloadUids) {
      this.#wakeUps.wake(uid);
      if (this.#workloads.get(uid) === undefined) continue;
      if ((this.#board.ring(uid)?.size ?? 0) > 0) {
        // It has not heard yet, where a pass takes its time.
        this.#feeds.hurry([nodeName]);
        this.#options.again();
        continue;
      }
      const names = this.#waiting.get(uid) ?? new Set<string>();
      this.#waiting.set(uid, names);
      names.add(nodeName);
    }
  }

  /** When certificates of routes expire, by the NAMESPACE/NAME of their Secrets. */
  certificateExpiries(): ReturnType<CertificateShelf["expiries"]> {
    return this.#certificates.expiries();
  }

  /** What became of requests that waited for a deployment at zero. */
  get wakeUps(): RequestWakeUps["counts"] {
    return this.#wakeUps.counts;
  }

  /** Gateways that take calls of functions: those on nodes with ready instances first. `spread`: from 0 up to 1; others get other ones. */
  callEndpoints(workloadUid: string, spread: number): readonly CallEndpoint[] {
    const { endpointsMax } = ticketLimits;
    const ready = this.#board.ring(workloadUid)?.nodesFor(String(spread), endpointsMax) ?? [];
    const near = ready.flatMap(({ name }) => this.#gateways.callEndpoint(name) ?? []);
    if (near.length >= endpointsMax / 2) return near.slice(0, endpointsMax);
    const known = new Set(near.map(({ node }) => node));
    const others = this.#gateways.callEndpoints().filter(({ node }) => !known.has(node));
    const from = Math.floor(spread * others.length);
    return [...near, ...others.slice(from), ...others.slice(0, from)].slice(0, endpointsMax);
  }

  /** A workload as declared, as the engine is to see it: what a request has woken up, not as it slept. */
  view(workload: Workload): Workload {
    return this.#wakeUps.view(workload);
  }

  /** At the end of each turn. */
  run(): void {
    if (!this.#isStarted) return;
    this.#keeper.run();
    this.#feeds.run();
  }

  #hurry(workloadUid: string): void {
    const names = this.#waiting.get(workloadUid);
    if (names === undefined) return;
    this.#waiting.delete(workloadUid);
    this.#feeds.hurry(names);
  }
}
