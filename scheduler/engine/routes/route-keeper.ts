/**
 * WasmRoutes in the engine: says which are accepted, makes of them what gateways use, and keeps their status.
 *
 *   routes, namespaces ─▶ HostClaims ────────┐
 *   workloads, revisions, Secrets, gateways ─┴─▶ dirty routes ─(end of the turn)─▶ compiled ─▶ table for gateways
 *                                                                                    └─▶ status, events
 *
 * What a route refers to is remembered by name, also while it is missing, so only the routes concerned are looked at when
 * something comes, changes or goes. Of a route that is not accepted gateways are told nothing.
 */
import type { WasmRoute } from "../../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Clock } from "../../../kit/clock.ts";
import type { BackendEvent } from "../../backend/backend.ts";
import { type CompiledRoute, compileRoute, hostnamesOf } from "../../core/routes/compile-route.ts";
import { type Claimant, HostClaims } from "../../core/routes/host-claims.ts";
import { namedSince } from "../../core/routes/named-since.ts";
import type { RouteFacts, RouteRefusal } from "../../core/routes/route-status.ts";
import { isWideHost, type WideHosts } from "../../core/routes/wide-hosts.ts";
import type { RevisionKeeper } from "../revisions/revision-keeper.ts";
import { type Workload } from "../workloads.ts";
import type { CertificateShelf } from "./certificate-shelf.ts";
import type { GatewayBook } from "./gateway-book.ts";
import type { GatewayTable } from "./gateway-table.ts";
import { RouteReferences } from "./route-references.ts";
import { keyOf, type ServedWorkloads, workloadKey } from "./served-workloads.ts";

export interface RouteKeeperOptions {
  readonly clock: Clock;
  readonly table: GatewayTable;
  readonly workloads: ServedWorkloads;
  readonly certificates: CertificateShelf;
  readonly gateways: GatewayBook;
  readonly wideHosts: WideHosts;
  readonly revisions: Pick<RevisionKeeper, "of">;
  /** No route names one of the workload's revisions any more that one has named. */
  readonly unpinned: (workloadUid: string) => void;
  /** `run` is to be called. */
  readonly again: () => void;
  /** What is known of the route may be another. */
  readonly judged: (uid: string) => void;
}

interface Kept {
  readonly route: WasmRoute;
  readonly claimant: Claimant;
  facts: Omit<RouteFacts, "gateways"> | undefined;
  /** What gateways have been told; empty: nothing. */
  entryText: string;
}

export class RouteKeeper {
  readonly #options: RouteKeeperOptions;
  readonly #routes = new Map<string, Kept>();
  readonly #claims = new HostClaims();
  readonly #dirty = new Set<string>();
  /** By names of what they refer to, whether it is there or not. */
  readonly #references = new RouteReferences();
  /** Revisions that they name, by workload and number: they are kept for that. */
  readonly #pins = new RouteReferences();
  /** Of accepted routes: workloads by uid, and certificates. */
  readonly #published = new RouteReferences();

  constructor(options: RouteKeeperOptions) {
    this.#options = options;
  }

  route(uid: string): WasmRoute | undefined {
    return this.#routes.get(uid)?.route;
  }

  /** undefined: it has not been looked at yet. */
  facts(uid: string): RouteFacts | undefined {
    const facts = this.#routes.get(uid)?.facts;
    return facts && { ...facts, gateways: this.#options.gateways.known() };
  }

  /** Whether an accepted route names the workload. */
  isPublished(workloadUid: string): boolean {
    return this.#published.has(workloadTarget(workloadUid));
  }

  /** Whether a route names this revision, accepted or not. */
  isPinned(workload: Workload, number: number): boolean {
    return this.#pins.has(pinOf(workloadKey(workload), number));
  }

  event(event: BackendEvent): void {
    if (event.kind === "synced") return;
    const { uid } = event.object.metadata;
    if (event.kind === "delete") this.#delete(uid);
    else this.#put(asRoute(event.object));
    this.#options.again();
  }

  /** It has come, is another, or is gone. */
  workloadChanged(workload: Workload): void {
    this.#touch(this.#references.to(workloadKey(workload)));
  }

  secretChanged(namespace: string, name: string): void {
    const target = keyOf("Secret", namespace, name);
    if (!this.#references.has(target)) return;
    this.#options.certificates.forget(`${namespace}/${name}`);
    this.#touch(this.#references.to(target));
  }

  /** It has come, has other labels, or is gone (undefined). */
  namespaceChanged(namespace: string, labels: Readonly<Record<string, string>> | undefined): void {
    if (!this.#options.wideHosts.namespaceChanged(namespace, labels)) return;
    for (const [uid, kept] of this.#routes) {
      const { route } = kept;
      if (route.metadata.namespace !== namespace || !hostnamesOf(route).some(isWideHost)) continue;
      this.#routes.set(uid, { ...kept, claimant: this.#claim(route, kept.claimant) });
      this.#dirty.add(uid);
    }
    this.#options.again();
  }

  gatewaysChanged(): void {
    for (const uid of this.#routes.keys()) this.#options.judged(uid);
  }

  /** Looks at what has changed since the last time. */
  run(): void {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const uid of dirty) {
      const kept = this.#routes.get(uid);
      if (kept) this.#judge(kept);
    }
  }

  #touch(uids: Iterable<string>): void {
    for (const uid of uids) this.#dirty.add(uid);
    this.#options.again();
  }

  #put(route: WasmRoute): void {
    const { uid } = route.metadata;
    const before = this.#routes.get(uid);
    if (before !== undefined && before.route.metadata.generation === route.metadata.generation) {
      this.#routes.set(uid, { ...before, route });
      // Also after our own write, which makes it equal, and after somebody else's, which may have spoilt it.
      this.#options.judged(uid);
      return;
    }
    this.#pin(uid, route);
    const claimant = this.#claim(route, before?.claimant);
    this.#routes.set(uid, { facts: undefined, entryText: "", ...before, route, claimant });
    this.#dirty.add(uid);
  }

  #claim(route: WasmRoute, before: Claimant | undefined): Claimant {
    const { uid, name, namespace = "", creationTimestamp } = route.metadata;
    const named = namedSince(route, before?.hostnames, this.#options.clock.now());
    // What it may not name is no claim: it counts from when it may.
    const hostnames = this.#forbiddenHost(route) === undefined ? named : withoutWideHosts(named);
    const claimant = { uid, namespace, name, createdMs: Date.parse(creationTimestamp), hostnames };
    for (const touched of this.#claims.put(claimant)) this.#dirty.add(touched);
    return claimant;
  }

  /** As soon as it is known, so that nothing that it names is given up before it is looked at. */
  #pin(uid: string, route: WasmRoute | undefined): void {
    const namespace = route?.metadata.namespace ?? "";
    const pins = (route?.spec.rules ?? []).flatMap(({ backendRefs = [] }) =>
      backendRefs.flatMap(({ kind, name, revision }) =>
        revision === undefined ? [] : [pinOf(keyOf(kind, namespace, name), revision)],
      ),
    );
    for (const released of this.#pins.set(uid, new Set(pins))) {
      const workloadUid = this.#options.workloads.byKey(released.slice(0, released.lastIndexOf(" ")));
      if (workloadUid !== undefined) this.#options.unpinned(workloadUid);
    }
  }

  #delete(uid: string): void {
    this.#routes.delete(uid);
    this.#pin(uid, undefined);
    for (const touched of this.#claims.delete(uid)) this.#dirty.add(touched);
    this.#refer(uid, new Set());
    this.#options.table.deleteRoute(uid);
    this.#publish(uid, new Set());
  }

  #judge(kept: Kept): void {
    const { route } = kept;
    const { uid, namespace = "" } = route.metadata;
    const refusal = this.#refusal(route);
    this.#refer(uid, referencesOf(route));
    const compiled = this.#compile(route, namespace);
    kept.facts = { refusal, problems: compiled.problems, certificate: this.#certificateFacts(route) };
    if (refusal === undefined) this.#offer(kept, compiled);
    else {
      kept.entryText = "";
      this.#options.table.deleteRoute(uid);
      this.#publish(uid, new Set());
    }
    this.#options.judged(uid);
  }

  #certificateFacts(route: WasmRoute): RouteFacts["certificate"] {
    const { metadata, spec } = route;
    if (spec.tls === undefined) return undefined;
    return this.#options.certificates.facts(
      metadata.namespace ?? "",
      spec.tls.secretName,
      hostnamesOf(route),
    );
  }

  #refusal(route: WasmRoute): RouteRefusal | undefined {
    const forbidden = this.#forbiddenHost(route);
    if (forbidden !== undefined) return { kind: "wide", hostname: forbidden };
    const conflict = this.#claims.conflict(route.metadata.uid);
    if (conflict === undefined) return undefined;
    return { kind: "conflict", hostname: conflict.hostname, namespace: conflict.with.namespace };
  }

  #forbiddenHost(route: WasmRoute): string | undefined {
    if (this.#options.wideHosts.mayName(route.metadata.namespace ?? "")) return undefined;
    return hostnamesOf(route).find(isWideHost);
  }

  #compile(route: WasmRoute, namespace: string): CompiledRoute {
    const { workloads, certificates, revisions } = this.#options;
    return compileRoute(route, {
      workload: (kind, name) => workloads.named(kind, namespace, name),
      templateHash: (workloadUid, number) => {
        for (const revision of revisions.of(workloadUid))
          if (revision.number === number) return revision.templateHash;
        return undefined;
      },
      cannotServe: (workloadUid, templateHash) => workloads.cannotServe(workloadUid, templateHash),
      certificateFault: (name) => certificates.fault(namespace, name),
    });
  }

  #offer(kept: Kept, { entry, workloads }: CompiledRoute): void {
    const targets = new Set([...workloads].map(workloadTarget));
    if (entry.tls) targets.add(certificateTarget(entry.tls.certificate));
    this.#publish(entry.uid, targets);
    const entryText = JSON.stringify(entry);
    if (entryText === kept.entryText) return;
    kept.entryText = entryText;
    this.#options.table.putRoute({ uid: entry.uid, entryJson: Buffer.from(entryText) });
  }

  #refer(uid: string, targets: ReadonlySet<string>): void {
    for (const released of this.#references.set(uid, targets)) {
      const name = nameIn(released, "Secret ");
      if (name !== undefined) this.#options.certificates.forget(name);
    }
  }

  #publish(uid: string, targets: ReadonlySet<string>): void {
    const { workloads, certificates } = this.#options;
    const released = this.#published.set(uid, targets);
    for (const target of [...targets, ...released]) {
      const workload = nameIn(target, workloadTarget(""));
      const certificate = nameIn(target, certificateTarget(""));
      if (workload !== undefined) workloads.refresh(workload);
      else if (certificate === undefined) continue;
      else if (targets.has(target)) certificates.offer(certificate);
      else certificates.withdraw(certificate);
    }
  }
}

function withoutWideHosts(named: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  return new Map([...named].filter(([hostname]) => !isWideHost(hostname)));
}

function pinOf(workload: string, revision: number): string {
  return `${workload} ${revision}`;
}

function workloadTarget(uid: string): string {
  return `workload ${uid}`;
}

function certificateTarget(name: string): string {
  return `certificate ${name}`;
}

function nameIn(target: string, prefix: string): string | undefined {
  return target.startsWith(prefix) ? target.slice(prefix.length) : undefined;
}

function referencesOf({ metadata: { namespace = "" }, spec }: WasmRoute): ReadonlySet<string> {
  const targets = new Set<string>();
  for (const { backendRefs = [] } of spec.rules)
    for (const { kind, name } of backendRefs) targets.add(keyOf(kind, namespace, name));
  if (spec.tls) targets.add(keyOf("Secret", namespace, spec.tls.secretName));
  return targets;
}

function asRoute(object: ApiObject): WasmRoute {
  // The schema, from which the type is made, has accepted it.
  return object as unknown as WasmRoute;
}
