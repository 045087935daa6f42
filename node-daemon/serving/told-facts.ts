/**
 * What the scheduler has told: routes, workloads and certificates, as they hold now. Kept on disk, so that they hold while the scheduler is
 * away and when the daemon starts again.
 */
import type { RouteEntry } from "../../api/route-table.ts";
import type { GatewayCertificate, GatewayWorkload, Teaching } from "../gateway/control.ts";
import type { CheckpointChange, GatewayFact } from "../session/checkpoint.ts";
import type { GatewayUpdate } from "./gateway-update.ts";

/** The consequences of an update, in an order in which each step is sensible by itself. */
export interface FactChanges {
  readonly teachings: readonly Teaching[];
  readonly stored: readonly CheckpointChange[];
}

type About = GatewayFact["about"];

export class ToldFacts {
  /** By what they are about and their ids: JSON, to be compared and stored. */
  readonly #facts: Readonly<Record<About, Map<string, string>>> = {
    ticketKey: new Map(),
    certificate: new Map(),
    workload: new Map(),
    route: new Map(),
  };

  load(facts: readonly GatewayFact[]): void {
    for (const { about, id, json } of facts) this.#facts[about].set(id, json);
  }

  /** All of it, what routes name before the routes. */
  *all(): Iterable<Teaching> {
    for (const about of inOrder)
      for (const json of this.#facts[about].values()) yield teachingOf(about, json);
  }

  get workloadUids(): readonly string[] {
    return [...this.#facts.workload.keys()];
  }

  workload(uid: string): GatewayWorkload | undefined {
    const json = this.#facts.workload.get(uid);
    // Of our own writing.
    return json === undefined ? undefined : (JSON.parse(json) as GatewayWorkload);
  }

  apply(update: GatewayUpdate): FactChanges {
    const teachings: Teaching[] = [];
    const stored: CheckpointChange[] = [];
    for (const about of inOrder) {
      for (const [id, json] of namedIn(update, about)) {
        if (this.#facts[about].get(id) === json) continue;
        this.#facts[about].set(id, json);
        teachings.push(teachingOf(about, json));
        stored.push({ kind: "putGatewayFact", fact: { about, id, json } });
      }
    }
    for (const about of inOrder.toReversed()) {
      for (const id of this.#goneBy(update, about)) {
        if (!this.#facts[about].delete(id)) continue;
        teachings.push(farewellOf(about, id));
        stored.push({ kind: "removeGatewayFact", about, id });
      }
    }
    return { teachings, stored };
  }

  #goneBy(update: GatewayUpdate, about: About): readonly string[] {
    const named = new Map(namedIn(update, about));
    if (update.complete) return [...this.#facts[about].keys()].filter((id) => !named.has(id));
    return removedIn(update, about).filter((id) => !named.has(id));
  }
}

const inOrder = ["ticketKey", "certificate", "workload", "route"] as const;

function namedIn(update: GatewayUpdate, about: About): readonly (readonly [id: string, json: string])[] {
  if (about === "route") return update.routes.map((route) => [route.uid, JSON.stringify(route)]);
  if (about === "workload") return update.workloads.map((one) => [one.uid, JSON.stringify(one)]);
  if (about === "ticketKey") return update.ticketKeys.map((pem) => [pem, JSON.stringify(pem)]);
  return update.certificates.map((one) => [one.name, JSON.stringify(one)]);
}

function removedIn(update: GatewayUpdate, about: About): readonly string[] {
  if (about === "route") return update.removedRoutes;
  // They go with an update that says everything.
  if (about === "ticketKey") return [];
  return about === "workload" ? update.removedWorkloads : update.removedCertificates;
}

function teachingOf(about: About, json: string): Teaching {
  // Of our own writing.
  const fact: unknown = JSON.parse(json);
  if (about === "route") return { kind: "route", route: fact as RouteEntry };
  if (about === "workload") return { kind: "workload", workload: fact as GatewayWorkload };
  if (about === "ticketKey") return { kind: "ticketKey", pem: fact as string };
  return { kind: "certificate", certificate: fact as GatewayCertificate };
}

function farewellOf(about: About, id: string): Teaching {
  if (about === "route") return { kind: "routeGone", uid: id };
  if (about === "ticketKey") return { kind: "ticketKeyGone", pem: id };
  return about === "workload" ? { kind: "workloadGone", uid: id } : { kind: "certificateGone", name: id };
}
