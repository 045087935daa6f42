import { describe, expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import { ObjectIndex } from "./object-index.ts";

function anObject(place: string, version = 1): ApiObject {
  const [namespace = "", name = ""] = place.split("/");
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace, name, uid: `${place} ${version}` },
  } as ApiObject;
}

function anIndex(): ObjectIndex {
  const index = new ObjectIndex();
  index.load(["b/c", "a/b", "b/a", "a/d"].map((place) => anObject(place)));
  return index;
}

function uids(objects: readonly ApiObject[]): readonly string[] {
  return objects.map(({ metadata }) => metadata.uid);
}

describe("ObjectIndex.list", () => {
  test("ObjectIndex.list: ordered by namespace and name", () => {
    expect(uids(anIndex().list(undefined))).toEqual(["a/b 1", "a/d 1", "b/a 1", "b/c 1"]);
    expect(uids(anIndex().list("b"))).toEqual(["b/a 1", "b/c 1"]);
    expect(anIndex().list("c")).toEqual([]);
  });

  test.each<{ name: string; change: (index: ObjectIndex) => void; after: readonly string[] }>([
    { name: "a new one", change: (index) => index.put(anObject("a/c")), after: ["a/b 1", "a/c 1", "a/d 1"] },
    {
      name: "a new last one",
      change: (index) => index.put(anObject("a/e")),
      after: ["a/b 1", "a/d 1", "a/e 1"],
    },
    { name: "a changed one", change: (index) => index.put(anObject("a/b", 2)), after: ["a/b 2", "a/d 1"] },
    { name: "one that is removed", change: (index) => index.remove("a", "b"), after: ["a/d 1"] },
    {
      name: "more that are loaded",
      change: (index) => index.load([anObject("a/a")]),
      after: ["a/a 1", "a/b 1", "a/d 1"],
    },
  ])("ObjectIndex.list: a list that was given out stays as it is: $name", ({ change, after }) => {
    const index = anIndex();
    const [all, one] = [index.list(undefined), index.list("a")];
    change(index);
    expect(uids(all)).toEqual(["a/b 1", "a/d 1", "b/a 1", "b/c 1"]);
    expect(uids(one)).toEqual(["a/b 1", "a/d 1"]);
    expect(uids(index.list("a"))).toEqual(after);
    expect(uids(index.list(undefined))).toEqual([...after, "b/a 1", "b/c 1"]);
    expect(index.size).toBe(after.length + 2);
  });
});
