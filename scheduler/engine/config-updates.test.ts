import { beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import type { ContentsOf, NodeSession } from "../nodes/node-port.ts";
import { ConfigUpdates, configUpdateLimits } from "./config-updates.ts";
import type { Files } from "./template-catalogue.ts";

const { intervalMs, sliceMs, sliceBytes, sliceNodes } = configUpdateLimits;

let clock: FakeClock;
/** What is declared, by owner. */
let declared: Map<string, string>;
let sessions: Map<string, PretendedNode>;
let missing: string[];
let updates: ConfigUpdates;

/** Counts how often it is asked, and takes what it does not have. */
class PretendedNode {
  readonly held = new Map<string, string>();
  readonly received: string[] = [];
  visits = 0;
  bytes = 1;

  contentsOwners(): Iterable<string> {
    this.visits++;
    return this.held.keys();
  }

  updateContents(ownerUid: string, contentsOf: ContentsOf): number {
    const contents = contentsOf("hash");
    if (
      contents === undefined ||
      contents.contentsId === "" ||
      contents.contentsId === this.held.get(ownerUid)
    )
      return 0;
    this.held.set(ownerUid, contents.contentsId);
    this.received.push(`${ownerUid}=${contents.contentsId}`);
    return this.bytes;
  }
}

beforeEach(() => {
  clock = new FakeClock(1_000_000);
  declared = new Map([["web", "1"]]);
  sessions = new Map();
  missing = [];
  updates = new ConfigUpdates({
    clock,
    nodeNames: () => sessions.keys(),
    // Only what is asked of it here.
    session: (name) => sessions.get(name) as unknown as NodeSession | undefined,
    contentsOf: (ownerUid): Files | undefined => {
      const text = declared.get(ownerUid);
      if (text === "missing") {
        return { contents: { contentsId: "", contents: [] }, missing: "ConfigMap app does not exist" };
      }
      return text === undefined
        ? undefined
        : { contents: { contentsId: text, contents: [] }, missing: undefined };
    },
    missing: (ownerUid, message) => void missing.push(`${ownerUid}: ${message}`),
  });
});

function addNode(name: string, held: Readonly<Record<string, string>> = { web: "1" }): PretendedNode {
  const node = new PretendedNode();
  for (const [owner, text] of Object.entries(held)) node.held.set(owner, text);
  sessions.set(name, node);
  return node;
}

function change(ownerUid: string, text: string): void {
  declared.set(ownerUid, text);
  updates.changed(ownerUid);
}

test("changed: reaches the nodes that have instances of the owner, and no others", () => {
  const [one, other] = [addNode("one"), addNode("other", { shop: "1" })];
  change("web", "2");
  expect(one.received).toEqual([]);
  clock.advance(intervalMs);
  expect(one.received).toEqual(["web=2"]);
  expect(other.received).toEqual([]);
});

test("changed: a hundred times a second costs ten passes, and the last one counts", () => {
  const node = addNode("one");
  for (let at = 2; at < 102; at++) {
    change("web", String(at));
    clock.advance(10);
  }
  clock.advance(intervalMs);
  expect(node.received.at(-1)).toBe("web=101");
  expect(node.received.length).toBeLessThanOrEqual(11);
  clock.advance(10_000);
  expect(node.visits).toBeLessThanOrEqual(11);
});

test("changed: large files go to few nodes at a time, the newest to each", () => {
  const nodes = Array.from({ length: 10 }, (_, at) => addNode(`n${at}`));
  for (const node of nodes) node.bytes = sliceBytes / 2;
  const count = () => nodes.filter(({ received }) => received.length > 0).length;
  change("web", "2");
  clock.advance(intervalMs);
  expect(count()).toBe(2);
  clock.advance(sliceMs);
  expect(count()).toBe(4);
  change("web", "3");
  for (let slices = 0; slices < 20; slices++) clock.advance(sliceMs);
  expect(new Set(nodes.map(({ held }) => held.get("web")))).toEqual(new Set(["3"]));
  const sent = nodes.flatMap(({ received }) => received);
  expect(sent.filter((text) => text === "web=2")).toHaveLength(4);
  expect(sent).toHaveLength(14);
});

test("changed: many nodes are visited in slices", () => {
  const nodes = Array.from({ length: sliceNodes * 2 }, (_, at) => addNode(`n${at}`));
  change("web", "2");
  clock.advance(intervalMs);
  expect(nodes.filter(({ visits }) => visits > 0)).toHaveLength(sliceNodes);
  clock.advance(sliceMs);
  expect(nodes.every(({ visits }) => visits === 1)).toBe(true);
  clock.advance(10_000);
  expect(nodes.every(({ visits }) => visits === 1)).toBe(true);
});

test("registered: a node gets what has changed while it was away, and not what has not", () => {
  const node = addNode("one", { web: "0", shop: "1", gone: "1" });
  declared.set("shop", "1");
  updates.registered("one");
  clock.advance(sliceMs);
  expect(node.received).toEqual(["web=1"]);
  updates.registered("nobody");
  clock.advance(sliceMs);
});

test("missing: what is deleted leaves the files, and is told once a pass, until it is back", () => {
  const nodes = [addNode("one"), addNode("two")];
  change("web", "missing");
  clock.advance(intervalMs);
  expect(missing).toEqual(["web: ConfigMap app does not exist"]);
  expect(nodes.flatMap(({ received }) => received)).toEqual([]);
  change("web", "2");
  clock.advance(intervalMs);
  expect(missing).toHaveLength(1);
  expect(nodes.map(({ received }) => received)).toEqual([["web=2"], ["web=2"]]);
});

test("missing: where nobody runs nothing is told", () => {
  addNode("one", {});
  change("web", "missing");
  clock.advance(intervalMs);
  expect(missing).toEqual([]);
});

test("close: nothing is sent any more", () => {
  const node = addNode("one");
  change("web", "2");
  updates.close();
  clock.advance(10_000);
  change("web", "3");
  clock.advance(10_000);
  expect(node.received).toEqual([]);
});
