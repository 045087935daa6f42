import { expect, test } from "vitest";
import type { GatewayFact } from "../session/checkpoint.ts";
import { type GatewayUpdate, joined } from "./gateway-update.ts";
import { ToldFacts } from "./told-facts.ts";

const route = (uid: string, hostname = "a.test") => ({
  uid,
  namespace: "default",
  name: uid,
  createdMs: 0,
  hostnames: [hostname],
  rules: [],
});
const workload = (uid: string, wakes = false) => ({
  uid,
  namespace: "default",
  kind: "WasmDeployment",
  name: uid,
  wakes,
  nodes: [],
});
const certificate = (name: string) => ({ name, chainPem: "chain", keyPem: "key" });
const update = (given: Partial<GatewayUpdate>): GatewayUpdate => ({
  complete: false,
  routes: [],
  removedRoutes: [],
  workloads: [],
  removedWorkloads: [],
  certificates: [],
  removedCertificates: [],
  ticketKeys: [],
  ...given,
});

const everything = update({
  complete: true,
  routes: [route("r")],
  workloads: [workload("w")],
  certificates: [certificate("c")],
});

const kinds = (facts: ToldFacts, given: Partial<GatewayUpdate>) =>
  facts.apply(update(given)).teachings.map((one) => one.kind);

test("ToldFacts: what routes name is told before them", () => {
  expect(kinds(new ToldFacts(), everything)).toEqual(["certificate", "workload", "route"]);
});

test("ToldFacts: the same again is no news, and not written", () => {
  const facts = new ToldFacts();
  facts.apply(everything);
  expect(facts.apply(everything)).toEqual({ teachings: [], stored: [] });
});

test("ToldFacts: a change names what changed", () => {
  const facts = new ToldFacts();
  facts.apply(everything);
  const { teachings } = facts.apply(update({ workloads: [workload("w", true)], routes: [route("r")] }));
  expect(teachings).toEqual([{ kind: "workload", workload: workload("w", true) }]);
  expect(facts.workload("w")?.wakes).toBe(true);
});

test("ToldFacts: a complete update takes away what it does not name, routes first", () => {
  const facts = new ToldFacts();
  facts.apply(everything);
  expect(kinds(facts, { complete: true, workloads: [workload("w")] })).toEqual([
    "routeGone",
    "certificateGone",
  ]);
});

test("ToldFacts: what is removed and named at once stays", () => {
  const facts = new ToldFacts();
  facts.apply(everything);
  expect(kinds(facts, { routes: [route("r")], removedRoutes: ["r"], removedWorkloads: ["none"] })).toEqual(
    [],
  );
});

test("ToldFacts: what was stored is known again", () => {
  const rows = new Map<string, GatewayFact>();
  const store = (given: Partial<GatewayUpdate>, facts: ToldFacts) => {
    for (const change of facts.apply(update(given)).stored) {
      if (change.kind === "putGatewayFact") rows.set(`${change.fact.about} ${change.fact.id}`, change.fact);
      if (change.kind === "removeGatewayFact") rows.delete(`${change.about} ${change.id}`);
    }
  };
  const first = new ToldFacts();
  store(everything, first);
  store({ routes: [route("s")], removedRoutes: ["r"] }, first);
  const second = new ToldFacts();
  second.load([...rows.values()]);
  expect([...second.all()]).toEqual([...first.all()]);
  expect([...second.all()].map((one) => one.kind)).toEqual(["certificate", "workload", "route"]);
});

test("joined: parts of an update are as one", () => {
  const parts = [
    update({ complete: true, routes: [route("a")] }),
    update({ routes: [route("b")], removedRoutes: ["x"] }),
  ] as const;
  expect(joined(...parts)).toEqual(
    update({ complete: true, routes: [route("a"), route("b")], removedRoutes: ["x"] }),
  );
});
