import { expect, test } from "vitest";
import type { ApiObject } from "../../api/object-meta.ts";
import { Unreadable } from "../core/templates/resolve-template.ts";
import { FakeBackend } from "../testing/fake-backend.ts";
import { type MetricSecrets, secretValue, watchSecrets } from "./metric-secrets.ts";

const object = (data: unknown) => ({ data }) as unknown as ApiObject;
const of = (found: ApiObject | Unreadable | undefined): MetricSecrets => ({
  secret: () => found,
  watch: () => () => {},
});

test.each<[string, ApiObject | Unreadable | undefined, string, unknown]>([
  ["a value", object({ key: "c2VjcmV0" }), "key", { kind: "value", value: "secret" }],
  ["an empty value", object({ key: "" }), "key", { kind: "value", value: "" }],
  [
    "no Secret",
    undefined,
    "key",
    { kind: "missing", message: "Secret s does not exist in namespace ns; create it" },
  ],
  ["no key", object({ other: "" }), "key", { kind: "missing", message: "Secret s has no key key; add it" }],
  ["no data", object(undefined), "key", { kind: "missing", message: "Secret s has no key key; add it" }],
  [
    "a key that all objects have",
    object({}),
    "constructor",
    { kind: "missing", message: "Secret s has no key constructor; add it" },
  ],
  [
    "one that cannot be read",
    new Unreadable("its key is lost"),
    "key",
    { kind: "missing", message: "Secret s: its key is lost" },
  ],
])("secretValue: %s", (_, found, key, expected) => {
  expect(secretValue(of(found), "ns", { name: "s", key })).toEqual(expected);
});

test("watchSecrets: tells of changes of the Secret that is watched, until it is not any more", () => {
  const backend = new FakeBackend();
  const secrets = watchSecrets(backend, new AbortController().signal);
  const changes: string[] = [];
  const stop = secrets.watch("ns", "s", () => void changes.push("s"));
  secrets.watch("ns", "other", () => void changes.push("other"));
  const secret = (name: string, namespace = "ns") => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace },
    data: { key: "eA==" },
  });
  const made = backend.put("secrets", secret("s"));
  backend.put("secrets", secret("s", "elsewhere"));
  backend.put("secrets", secret("unwatched"));
  expect(changes).toEqual(["s"]);
  expect(secretValue(secrets, "ns", { name: "s", key: "key" })).toEqual({ kind: "value", value: "x" });
  backend.remove("secrets", made);
  expect(changes).toEqual(["s", "s"]);
  expect(secretValue(secrets, "ns", { name: "s", key: "key" })).toMatchObject({ kind: "missing" });
  stop();
  stop();
  backend.put("secrets", secret("s"));
  expect(changes).toEqual(["s", "s"]);
});
