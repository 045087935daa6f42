import { expect, test } from "vitest";
import { eventDefinition } from "../kinds/event.ts";
import { parseFieldQuery } from "./field-query.ts";
import { parseLabelQuery } from "./label-query.ts";

const labels = { app: "web", tier: "gold", n: "7" };

test.each([
  { query: "app=web", is: true },
  { query: "app==web,tier=gold", is: true },
  { query: "app = web , tier=gold", is: true },
  { query: "app=db", is: false },
  { query: "app!=db", is: true },
  { query: "missing!=x", is: true },
  { query: "missing=", is: false },
  { query: "app in (web, db)", is: true },
  { query: "app in (db)", is: false },
  { query: "app notin (db),tier", is: true },
  { query: "missing notin (a)", is: true },
  { query: "tier", is: true },
  { query: "!tier", is: false },
  { query: "!missing", is: true },
  { query: "n>6", is: true },
  { query: "n<7", is: false },
  { query: "app>1", is: false },
  { query: "constructor", is: false },
  { query: "app in (web, db),app in (web)", is: true },
  { query: "app in (web),app in (db)", is: false },
  { query: "app!=db,app!=web", is: false },
  { query: "app,!app", is: false },
  { query: "n>6,n>7", is: false },
  { query: "n>5,n<8,n!=6", is: true },
  { query: "n>6,app>6", is: false },
])("parseLabelQuery: $query is $is", ({ query, is }) => {
  expect(parseLabelQuery(query)?.(labels)).toBe(is);
});

test.each(["=x", "a b", "a in b", "a in (b", "a,", ",", "a=b=c", "a>x", "-a=1", "a=-", "(", "a in ((b))"])(
  "parseLabelQuery: refuses %s",
  (query) => {
    expect(() => parseLabelQuery(query)).toThrow(expect.objectContaining({ code: "BadRequest" }) as Error);
  },
);

const manyAbsent = Array.from({ length: 2_000 }, (_, i) => `!x${i}`).join(",");

test.each([
  { name: "none of which an object has", query: manyAbsent, is: true },
  { name: "and one that it has", query: `${manyAbsent},!app`, is: false },
  { name: "and what it must have", query: `${manyAbsent},app=web,n>6`, is: true },
  { name: "and what it must have and has not", query: `${manyAbsent},constructor`, is: false },
])("parseLabelQuery: thousands of terms, $name", ({ query, is }) => {
  expect(parseLabelQuery(query)?.(labels)).toBe(is);
});

test("parseLabelQuery: an object costs as many look-ups as it has labels, whatever the query", () => {
  let reads = 0;
  const counted = new Proxy<Record<string, string>>(labels, {
    get: (target, key) => (reads++, target[String(key)]),
    getOwnPropertyDescriptor: (target, key) => (reads++, Object.getOwnPropertyDescriptor(target, key)),
  });
  expect(parseLabelQuery(`${manyAbsent},app=web`)?.(counted)).toBe(true);
  expect(reads).toBeLessThan(10);
});

const event = {
  apiVersion: "v1",
  kind: "Event",
  metadata: { name: "e", namespace: "n", uid: "u", resourceVersion: "1", creationTimestamp: "" },
  involvedObject: { name: "a,b", kind: "X" },
  reason: "Started",
};

test.each([
  { query: "metadata.name=e", is: true },
  { query: "metadata.namespace!=n", is: false },
  { query: "involvedObject.kind=X,reason==Started", is: true },
  { query: "involvedObject.name=a\\,b", is: true },
  { query: "involvedObject.uid=", is: true },
  { query: "type=Warning", is: false },
  { query: "reason=Started,reason=Started", is: true },
  { query: "reason=Started,reason=Other", is: false },
  { query: "reason=Started,reason!=Started", is: false },
  { query: "reason!=a,reason!=b", is: true },
  { query: "reason!=a,reason!=Started", is: false },
])("parseFieldQuery: $query is $is", ({ query, is }) => {
  expect(parseFieldQuery(query, eventDefinition)?.matches(event)).toBe(is);
});

test("parseFieldQuery: an object costs as many look-ups as the query has fields, not terms", () => {
  let reads = 0;
  const counted = new Proxy(event, { get: (target, key) => (reads++, Reflect.get(target, key)) });
  const query = Array.from({ length: 2_000 }, (_, i) => `reason!=x${i}`).join(",");
  expect(parseFieldQuery(query, eventDefinition)?.matches(counted)).toBe(true);
  expect(reads).toBe(1);
});

test.each(["spec.x=1", "metadata.name", "metadata.labels=a"])("parseFieldQuery: refuses %s", (query) => {
  expect(() => parseFieldQuery(query, eventDefinition)).toThrow(
    expect.objectContaining({ code: "BadRequest" }) as Error,
  );
});
