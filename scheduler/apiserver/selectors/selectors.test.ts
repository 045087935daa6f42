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
])("parseLabelQuery: $query is $is", ({ query, is }) => {
  expect(parseLabelQuery(query)?.(labels)).toBe(is);
});

test.each(["=x", "a b", "a in b", "a in (b", "a,", ",", "a=b=c", "a>x", "-a=1", "a=-", "(", "a in ((b))"])(
  "parseLabelQuery: refuses %s",
  (query) => {
    expect(() => parseLabelQuery(query)).toThrow(expect.objectContaining({ code: "BadRequest" }) as Error);
  },
);

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
])("parseFieldQuery: $query is $is", ({ query, is }) => {
  expect(parseFieldQuery(query, eventDefinition)?.matches(event)).toBe(is);
});

test.each(["spec.x=1", "metadata.name", "metadata.labels=a"])("parseFieldQuery: refuses %s", (query) => {
  expect(() => parseFieldQuery(query, eventDefinition)).toThrow(
    expect.objectContaining({ code: "BadRequest" }) as Error,
  );
});
