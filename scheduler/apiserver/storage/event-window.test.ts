import { describe, expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import { keyOf, undo } from "./event-window.ts";
import type { SourceEvent } from "./object-source.ts";

function anObject(place: string, version = 1): ApiObject {
  const [namespace = "", name = ""] = place.split("/");
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace, name, uid: `${place} ${version}` },
  } as ApiObject;
}

function put(object: ApiObject, previous?: ApiObject): SourceEvent {
  return { kind: "put", object, previous, revision: 1, bytes: 1 };
}

function removed(previous: ApiObject): SourceEvent {
  return { kind: "delete", object: previous, previous, revision: 1, bytes: 1 };
}

const now = ["a/b", "a/d", "b/a", "b/c"].map((place) => anObject(place));

describe("undo", () => {
  test.each<{ name: string; events: readonly SourceEvent[]; was: readonly string[]; namespace?: string }>([
    { name: "no event: the list as it is", events: [], was: ["a/b 1", "a/d 1", "b/a 1", "b/c 1"] },
    { name: "what was made goes", events: [put(anObject("b/a"))], was: ["a/b 1", "a/d 1", "b/c 1"] },
    {
      name: "what was changed is as before, at its place",
      events: [put(anObject("a/d"), anObject("a/d", 0))],
      was: ["a/b 1", "a/d 0", "b/a 1", "b/c 1"],
    },
    {
      name: "what was deleted is back, first, between and last",
      events: [removed(anObject("a/a", 0)), removed(anObject("b/b", 0)), removed(anObject("c/a", 0))],
      was: ["a/a 0", "a/b 1", "a/d 1", "b/a 1", "b/b 0", "b/c 1", "c/a 0"],
    },
    {
      name: "of several events of one object, the first says what it was",
      events: [
        put(anObject("a/d", 0), anObject("a/d", -1)),
        removed(anObject("a/d", 0)),
        put(anObject("a/d")),
        put(anObject("b/c", 0)),
        put(anObject("b/c"), anObject("b/c", 0)),
      ],
      was: ["a/b 1", "a/d -1", "b/a 1"],
    },
    {
      name: "other namespaces do not count",
      namespace: "a",
      events: [removed(anObject("b/b", 0)), put(anObject("a/d"), anObject("a/d", 0))],
      was: ["a/b 1", "a/d 0", "b/a 1", "b/c 1"],
    },
    {
      name: "everything was made since",
      events: now.map((object) => put(object)),
      was: [],
    },
  ])("undo: $name", ({ events, was, namespace }) => {
    const before = undo(now, events, namespace);
    expect(before.map(({ metadata }) => metadata.uid)).toEqual(was);
    expect([...before].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))).toEqual(before);
  });
});
