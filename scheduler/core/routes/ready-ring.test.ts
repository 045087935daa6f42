import { expect, test } from "vitest";
import { seededRandom } from "../../../kit/random.ts";
import { ReadyRing } from "./ready-ring.ts";

const max = 4;

function ringOf(count: number): ReadyRing {
  const ring = new ReadyRing();
  for (let at = 0; at < count; at++) ring.add(`n${at}`, "t", 1, at + 1);
  return ring;
}

const namesFor = (ring: ReadyRing, receiver: string) => ring.nodesFor(receiver, max).map(({ name }) => name);

test("ReadyRing: a few nodes are told to everybody, and nobody is told of itself", () => {
  const ring = ringOf(4);
  expect(namesFor(ring, "other").toSorted()).toEqual(["n0", "n1", "n2", "n3"]);
  expect(namesFor(ring, "n1").toSorted()).toEqual(["n0", "n2", "n3"]);
});

test("ReadyRing: of many nodes each is told to about as many others", () => {
  const ring = ringOf(1_000);
  const told = new Map<string, number>();
  for (let at = 0; at < 1_000; at++)
    for (const name of ring.nodesFor(`n${at}`, 64).map((node) => node.name))
      told.set(name, (told.get(name) ?? 0) + 1);
  expect(told.size).toBe(1_000);
  expect([...told.values()].every((count) => count === 64)).toBe(true);
});

test("ReadyRing: of nodes that are on no ring each is told to no more than a few times its share", () => {
  const ring = ringOf(200);
  const told = new Map<string, number>();
  for (let at = 0; at < 2_000; at++)
    for (const { name } of ring.nodesFor(`gateway-${at}`, 64)) told.set(name, (told.get(name) ?? 0) + 1);
  const share = (2_000 * 64) / 200;
  expect(Math.max(...told.values())).toBeLessThan(1.5 * share);
  expect(Math.min(...told.values())).toBeGreaterThan(0.5 * share);
});

test("ReadyRing: a node more changes what few are told, and for each of them one node", () => {
  const ring = ringOf(500);
  const before = new Map(Array.from({ length: 500 }, (_, at) => [`n${at}`, namesFor(ring, `n${at}`)]));
  ring.add("new", "t", 1, 501);
  let changed = 0;
  for (const [receiver, names] of before) {
    const now = namesFor(ring, receiver);
    const added = now.filter((name) => !names.includes(name));
    expect(ring.hasNews(receiver, max, 500)).toBe(added.length > 0);
    if (added.length === 0) continue;
    expect(added).toEqual(["new"]);
    changed++;
  }
  expect(changed).toBe(max);
});

test("ReadyRing: whoever is told what it needs knows what everybody knows, whatever happens", () => {
  const random = seededRandom(11);
  for (let run = 0; run < 30; run++) {
    const ring = new ReadyRing();
    const receivers = new Map(Array.from({ length: 12 }, (_, at) => [`n${at}`, { version: 0, known: "" }]));
    let version = 0;
    const text = (name: string) =>
      JSON.stringify(ring.nodesFor(name, max).map((node) => [node.name, [...node.ready]]));
    const counts = new Map<string, number>();
    for (let step = 0; step < 200; step++) {
      const name = `n${Math.floor(random.fraction() * 16)}`;
      const hash = random.fraction() < 0.5 ? "old" : "new";
      const key = `${name} ${hash}`;
      const delta = (counts.get(key) ?? 0) > 0 && random.fraction() < 0.6 ? -1 : 1;
      counts.set(key, (counts.get(key) ?? 0) + delta);
      ring.add(name, hash, delta, ++version);
      for (const [receiver, state] of receivers) {
        if (random.fraction() < 0.6) continue;
        if (ring.hasNews(receiver, max, state.version)) state.known = text(receiver);
        state.version = version;
        expect(state.known === "" ? "[]" : state.known).toBe(text(receiver));
      }
      if (random.fraction() < 0.2)
        ring.forget(Math.min(...Array.from(receivers.values(), (one) => one.version)));
    }
  }
});

test("ReadyRing: what is gone is forgotten once everybody has heard of it", () => {
  const ring = ringOf(3);
  ring.add("n1", "t", -1, 4);
  expect(ring.has("n1")).toBe(true);
  ring.forget(3);
  expect(ring.has("n1")).toBe(true);
  ring.forget(4);
  expect(ring.has("n1")).toBe(false);
  expect(ring.size).toBe(2);
});
