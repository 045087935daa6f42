import * as fc from "fast-check";
import { expect, test } from "vitest";
import { FakeLiveResource } from "../testing/fake-live-resource.ts";
import { keyOf } from "./event-window.ts";
import { LiveSource } from "./live-source.ts";

const namesOf = (objects: readonly { metadata: { name: string } }[] | undefined) =>
  objects?.map(({ metadata }) => metadata.name);

test("LiveSource.part: pages of one revision are that revision's list, whatever changes between them", () => {
  const live = new FakeLiveResource();
  const source = new LiveSource(live);
  for (const name of ["b", "d", "f"]) live.put("default", name);
  const { revision } = source;
  const first = source.part({ namespace: undefined, after: "", limit: 1, revision: undefined });
  expect([namesOf(first?.objects), first?.remaining]).toEqual([["b"], 2]);
  live.delete("default", "d");
  live.put("default", "e");
  const after = first?.objects[0] ? keyOf(first.objects[0]) : "";
  const then = source.part({ namespace: undefined, after, limit: 9, revision });
  expect([namesOf(then?.objects), then?.remaining]).toEqual([["d", "f"], 0]);
  const now = source.part({ namespace: undefined, after, limit: 9, revision: undefined });
  expect(namesOf(now?.objects)).toEqual(["e", "f"]);
});

test("LiveSource.part: of a past that is no longer known", () => {
  const source = new LiveSource(new FakeLiveResource());
  expect(source.part({ namespace: undefined, after: "", limit: 1, revision: 1 })).toBeUndefined();
});

test("LiveSource.part: equals the part of the whole list, after any changes", () => {
  const place = fc.record({ namespace: fc.constantFrom("a", "a-b"), name: fc.constantFrom("x", "y", "z") });
  const change = fc.record({ kind: fc.constantFrom("put", "delete"), place });
  const query = fc.record({
    namespace: fc.constantFrom(undefined, "a", "a-b", "none"),
    after: fc.constantFrom("", "a\0x", "a\0z", "a-b\0y"),
    limit: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), fc.nat(12), query, (changes, kept, asked) => {
      const live = new FakeLiveResource();
      const source = new LiveSource(live);
      let revision: number | undefined;
      for (const [at, { kind, place: one }] of changes.entries()) {
        if (at === kept) revision = source.revision;
        if (kind === "put") live.put(one.namespace, one.name);
        else live.delete(one.namespace, one.name);
      }
      const { namespace, after, limit } = asked;
      const whole =
        (revision === undefined ? source.list(namespace) : source.listAt(namespace, revision)) ?? [];
      const rest = whole.filter((object) => keyOf(object) > after);
      const part = source.part({ ...asked, revision });
      expect(part?.objects).toEqual(rest.slice(0, limit));
      expect(part?.remaining).toBe(Math.max(0, rest.length - limit));
    }),
  );
});
