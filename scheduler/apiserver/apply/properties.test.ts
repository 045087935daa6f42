import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isObject, type JsonObject } from "../resource.ts";
import { ApiError } from "../status.ts";
import { compareObjects } from "./compare.ts";
import { difference, intersection, isEmpty, isEqual, pathsOf, union } from "./field-set.ts";
import { compileType } from "./field-type.ts";
import { decodeManagedFields } from "./managed-entries.ts";
import { mergeObjects } from "./merge.ts";
import { toFieldSet } from "./to-field-set.ts";
import { widget, widgetSchema, WidgetServer } from "./testing/apply-scenario.ts";

const type = compileType(widgetSchema);
const name = fc.constantFrom("a", "b", "c");
const value = fc.constantFrom("1", "2");

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });

const widgetSpec: fc.Arbitrary<JsonObject> = fc
  .record({
    replicas: optional(fc.nat(2)),
    image: optional(value),
    size: optional(fc.dictionary(fc.constantFrom("cpu", "memory"), value)),
    args: optional(fc.array(value, { maxLength: 2 })),
    zones: optional(fc.uniqueArray(name, { maxLength: 3 })),
    env: optional(
      fc.uniqueArray(fc.record({ name, value }), { maxLength: 3, selector: (item) => item.name }),
    ),
    selector: optional(fc.dictionary(name, value, { maxKeys: 2 })),
  })
  .map(defined);

const config = fc
  .record({ spec: widgetSpec, labels: fc.dictionary(name, value, { maxKeys: 2 }) })
  .map(({ spec, labels }) => widget({ spec }, { labels }));

type Step =
  | { readonly kind: "apply"; readonly manager: string; readonly config: JsonObject; readonly force: boolean }
  | { readonly kind: "update"; readonly manager: string; readonly config: JsonObject };

const manager = fc.constantFrom("m", "n", "o");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("apply" as const), manager, config, force: fc.boolean() }),
  fc.record({ kind: fc.constant("update" as const), manager, config }),
);

function defined(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, one]) => one !== undefined));
}

/** Whether the step was taken; not, if there was a conflict. */
function take(server: WidgetServer, one: Step): boolean {
  if (one.kind === "update") {
    server.update(one.manager, one.config);
    return true;
  }
  try {
    server.apply(one.manager, one.config, { force: one.force });
    return true;
  } catch (thrown) {
    if (thrown instanceof ApiError && thrown.httpCode === 409) return false;
    throw thrown;
  }
}

const runs = { seed: 21, numRuns: 300 };

test("apply: after any history, applying again what was applied gives back the live object", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 6 }), manager, config, (steps, who, last) => {
      const server = new WidgetServer();
      for (const one of steps) take(server, one);
      server.apply(who, last, { force: true });
      const { live } = server;
      server.apply(who, last);
      expect(server.live).toBe(live);
    }),
    runs,
  );
});

test("apply: after a forced apply the object has all that was applied, and the applier owns just that", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 6 }), manager, config, (steps, who, last) => {
      const server = new WidgetServer();
      for (const one of steps) take(server, one);
      server.apply(who, last, { force: true });
      const live = server.live as unknown as JsonObject;
      const { modified, removed } = compareObjects(last, live, type);
      expect(pathsOf(union(modified, removed)).filter((path) => !isEmptyList(last, path))).toEqual([]);
      const own = decodeManagedFields(server.live?.metadata.managedFields)?.find(
        (entry) => entry.manager === who && entry.operation === "Apply",
      );
      const { metadata, spec } = last;
      const given = toFieldSet(
        { metadata: defined({ labels: (metadata as JsonObject)["labels"] }), spec },
        type,
        "given",
      );
      expect(pathsOf(own?.fields ?? {})).toEqual(pathsOf(given));
    }),
    runs,
  );
});

/** An empty set or keyed list says nothing, so it need not be there. */
function isEmptyList(object: JsonObject, path: string): boolean {
  const found = path
    .slice(1)
    .split(".")
    .reduce<unknown>((place, part) => (isObject(place) ? place[part] : undefined), object);
  return Array.isArray(found) && found.length === 0;
}

test("managedFields: every field that is owned is there, and no two managers of different opinion own one", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      const server = new WidgetServer();
      for (const one of steps) {
        const before = server.live;
        if (!take(server, one)) expect(server.live).toBe(before);
        if (!server.live) continue;
        const there = toFieldSet(server.live, type, "all");
        for (const entry of decodeManagedFields(server.live.metadata.managedFields) ?? []) {
          expect(pathsOf(difference(entry.fields, there))).toEqual([]);
          expect(isEmpty(entry.fields)).toBe(false);
        }
      }
    }),
    runs,
  );
});

test("apply: a field that somebody applied goes only if its last owner lets it go, or somebody takes it", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), manager, config, (steps, who, next) => {
      const server = new WidgetServer();
      for (const one of steps) take(server, one);
      const others = (decodeManagedFields(server.live?.metadata.managedFields) ?? []).filter(
        (entry) => entry.manager !== who || entry.operation !== "Apply",
      );
      if (!take(server, { kind: "apply", manager: who, config: next, force: false })) return;
      const there = toFieldSet(server.live ?? {}, type, "all");
      // Without force, nothing that others own has gone; but an item goes with the fields of it that updates have changed.
      for (const { operation, fields } of others) {
        const lost = pathsOf(difference(fields, there));
        expect(lost.filter((path) => operation === "Apply" || !path.includes("]."))).toEqual([]);
      }
    }),
    runs,
  );
});

test("mergeObjects, compareObjects: merging adds and changes but removes nothing; what is merged is there", () => {
  fc.assert(
    fc.property(config, config, (live, given) => {
      const merged = mergeObjects(live, given, type);
      const change = compareObjects(live, merged, type);
      expect(isEmpty(change.removed)).toBe(true);
      expect(isEqual(mergeObjectsTwice(merged, given), toFieldSet(merged, type, "all"))).toBe(true);
      const back = compareObjects(merged, live, type);
      expect(isEqual(back.removed, change.added)).toBe(true);
      expect(isEqual(back.modified, change.modified)).toBe(true);
      expect(isEmpty(intersection(change.added, change.modified))).toBe(true);
    }),
    runs,
  );
});

function mergeObjectsTwice(merged: JsonObject, given: JsonObject) {
  return toFieldSet(mergeObjects(merged, given, type), type, "all");
}
