/** ConfigMaps and Secrets as kubectl meets them: what is immutable stays, what cannot be is refused. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { configMap, deployment, KubectlSession, manifest } from "../support/kubectl-session.ts";

let k: KubectlSession;
beforeAll(async () => {
  k = await KubectlSession.start();
});
afterAll(() => k[Symbol.asyncDispose]());

const immutable = "Forbidden: field is immutable when `immutable` is set";
const secret = (name: string, texts: Readonly<Record<string, string>>, more: object = {}) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name },
  stringData: texts,
  ...more,
});

test("immutable: a ConfigMap's data stays as it is, whichever way it is changed", async () => {
  const fixed = { ...configMap("fixed", { a: "1" }), binaryData: { b: "AAE=" }, immutable: true };
  await k.run("apply -f -", manifest(fixed));
  expect(await k.refused("apply -f -", manifest({ ...fixed, data: { a: "2" } }))).toContain(
    `data: ${immutable}`,
  );
  expect(await k.refused("replace -f -", manifest({ ...fixed, data: { a: "1", c: "2" } }))).toContain(
    `data: ${immutable}`,
  );
  expect(await k.refused(`patch cm fixed -p '{"data":{"a":null}}'`)).toContain(`data: ${immutable}`);
  expect(await k.refused(`patch cm fixed -p '{"binaryData":{"b":"AAI="}}'`)).toContain(
    `binaryData: ${immutable}`,
  );
  expect(
    await k.refused("apply --server-side --force-conflicts -f -", manifest({ ...fixed, data: { a: "3" } })),
  ).toContain(`data: ${immutable}`);
  const env = k.editor("other.sh", 'sed -i "s/a: .*/a: edited/" "$1"');
  expect((await k.try("edit cm fixed", { env })).stderr).toContain('configmaps "fixed" is invalid');
  expect(await k.run("get cm fixed -o jsonpath={.data.a}")).toBe("1");
});

test("immutable: it can not be taken back, set to false or left out", async () => {
  await k.run("apply -f -", manifest({ ...configMap("kept", { a: "1" }), immutable: true }));
  for (const value of ["false", "null"]) {
    expect(await k.refused(`patch cm kept --type=merge -p '{"immutable":${value}}'`)).toContain(
      `immutable: ${immutable}`,
    );
  }
  expect(await k.refused("replace -f -", manifest(configMap("kept", { a: "1" })))).toContain(
    `immutable: ${immutable}`,
  );
});

test("immutable: labels may change, the object may be deleted, and one of the same name may be another", async () => {
  await k.run("apply -f -", manifest({ ...configMap("free", { a: "1" }), immutable: true }));
  await k.run("label cm free tier=front");
  await k.run("annotate cm free note=yes");
  await k.run("delete cm free");
  await k.run("apply -f -", manifest(configMap("free", { a: "2" })));
  // It can be set at any time.
  await k.run(`patch cm free -p '{"immutable":true}'`);
  expect(await k.refused(`patch cm free -p '{"data":{"a":"3"}}'`)).toContain(immutable);
});

test("immutable: a Secret, also through stringData", async () => {
  await k.run("apply -f -", manifest(secret("sealed", { key: "old" }, { immutable: true })));
  expect(await k.refused(`patch secret sealed -p '{"stringData":{"key":"new"}}'`)).toContain(
    `data: ${immutable}`,
  );
  expect(await k.refused(`patch secret sealed -p '{"data":{"key":"bmV3"}}'`)).toContain(`data: ${immutable}`);
  expect(await k.refused(`patch secret sealed -p '{"immutable":false}'`)).toContain(
    `immutable: ${immutable}`,
  );
  // The same again changes nothing.
  await k.run(`patch secret sealed -p '{"stringData":{"key":"old"}}'`);
  expect(await k.run("get secret sealed -o jsonpath={.data.key}")).toBe(
    Buffer.from("old").toString("base64"),
  );
});

test.each([
  ["..data", "must not start with '..'"],
  ["..", "must not be '..'"],
  [".", "must not be '.'"],
  ["../../etc/passwd", "must not start with '..'"],
  ["a/b", "must consist of alphanumeric characters"],
  ["", "must consist of alphanumeric characters"],
  ["x".repeat(254), "must be no more than 253 characters"],
])("keys: %j is refused, of a ConfigMap and of a Secret", async (key, why) => {
  expect(await k.refused("create -f -", manifest(configMap("keys", { [key]: "" })))).toContain(why);
  expect(await k.refused("create -f -", manifest(secret("keys", { [key]: "" })))).toContain(why);
});

test("items: paths that are ours, or lead out, or are in each other's way are refused", async () => {
  const withPaths = (...paths: readonly string[]) => {
    const items = paths.map((path) => ({ key: "a", path }));
    const volumes = [{ name: "v", configMap: { name: "c", items } }];
    const template = { spec: { module: { image: "file:///srv/hello.wasm" }, volumes } };
    return manifest(deployment("paths", { template }));
  };
  for (const path of ["..data", "..data/a", "../a", "/a", "a/../../b"]) {
    expect(await k.refused("create -f -", withPaths(path))).toContain("items[0].path: Invalid value");
  }
  expect(await k.refused("create -f -", withPaths("a", "a/b"))).toContain("is below a, which is a file");
  await k.run("create -f -", withPaths("a", "b/c"));
});

test("size: a ConfigMap of more than a mebibyte is refused, one of just that is taken", async () => {
  const of = (bytes: number) => manifest(configMap("large", { text: "x".repeat(bytes) }));
  expect(await k.refused("create -f -", of(1024 * 1024 + 1))).toContain(
    "Too long: may not be more than 1048576 bytes",
  );
  await k.run("create -f -", of(1024 * 1024));
});
