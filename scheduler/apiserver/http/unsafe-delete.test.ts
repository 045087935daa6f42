import { expect, test } from "vitest";
import { TestServer } from "../testing/test-server.ts";
import { until } from "../testing/until.ts";
import { parseEncryptionKeys, type EncryptionKeys } from "../storage/encryption-keys.ts";

const path = "/api/v1/namespaces/default/secrets";
const option = "ignoreStoreReadErrorWithClusterBreakingPotential";

function keys(name: string): EncryptionKeys {
  const line = `${name}:${Buffer.alloc(32, name).toString("base64")}`;
  return { kind: "keys", file: "/k", keys: parseEncryptionKeys("/k", line) };
}

const secret = (name: string) => ({ apiVersion: "v1", kind: "Secret", metadata: { name } });

/** A server that has lost the key of the Secret "lost", and can read "kept". */
async function serverWithLostKey(first: TestServer): Promise<TestServer> {
  await first.call("POST", path, { body: secret("lost") });
  await first.api.close();
  await first.store.close();
  const server = await TestServer.start({ folder: first.folder, encryption: keys("new") });
  await server.call("POST", path, { body: secret("kept") });
  return server;
}

test("DELETE: what cannot be read goes only when that is asked for, and its name is free again", async () => {
  await using first = await TestServer.start({ encryption: keys("old") });
  await using server = await serverWithLostKey(first);
  const refused = await server.call("DELETE", `${path}/lost`);
  expect(refused).toMatchObject({ code: 500, body: { reason: "InternalError" } });
  expect(refused.text).toContain("encrypted with the key");
  expect((await server.call("POST", path, { body: secret("lost") })).text).toContain(
    "encrypted with the key",
  );

  const deleted = await server.call("DELETE", `${path}/lost`, { body: { [option]: true } });
  expect(deleted).toMatchObject({
    code: 200,
    body: { status: "Success", details: { name: "lost", kind: "secrets" } },
  });
  expect((await server.call("GET", `${path}/lost`)).code).toBe(404);
  expect((await server.call("POST", path, { body: secret("lost") })).code).toBe(201);
  expect((await server.call("GET", path)).headers["warning"]).toBeUndefined();
});

test("DELETE of a namespace: what cannot be read goes with it", async () => {
  await using first = await TestServer.start({ encryption: keys("old") });
  await first.call("POST", "/api/v1/namespaces", {
    body: { apiVersion: "v1", kind: "Namespace", metadata: { name: "team" } },
  });
  await first.call("POST", "/api/v1/namespaces/team/secrets", { body: secret("lost") });
  await using server = await serverWithLostKey(first);
  await server.call("DELETE", "/api/v1/namespaces/team");
  await until(async () => (await server.call("GET", "/api/v1/namespaces/team")).code === 404);
  const { entries } = await server.store.list("/registry/core/secrets/");
  expect(entries.map(({ key }) => key.split("/").slice(-2).join("/")).sort()).toEqual([
    "default/kept",
    "default/lost",
  ]);
});

test.each([
  {
    name: "something that can be read",
    query: `kept?${option}=true`,
    body: undefined,
    code: 422,
    message: `secrets "kept" is invalid: ${option}: Invalid value: true: is exclusively used to delete corrupt object(s), try again by removing this option`,
  },
  {
    name: "something that is not there",
    query: `none?${option}=true`,
    body: undefined,
    code: 422,
    message: "is exclusively used to delete corrupt object(s)",
  },
  {
    name: "a precondition",
    query: "lost",
    body: { [option]: true, preconditions: { uid: "1" } },
    code: 422,
    message: `${option}: Invalid value: true: cannot be set together with .preconditions`,
  },
  {
    name: "a dry run",
    query: `lost?${option}=true&dryRun=All`,
    body: undefined,
    code: 422,
    message: "cannot be set together with .dryRun",
  },
])("DELETE: the unsafe option is refused with $name", async ({ query, body, code, message }) => {
  await using first = await TestServer.start({ encryption: keys("old") });
  await using server = await serverWithLostKey(first);
  const answer = await server.call("DELETE", `${path}/${query}`, { body });
  expect(answer.code).toBe(code);
  expect(answer.body.message).toContain(message);
  expect((await server.call("GET", `${path}/lost`)).code).toBe(500);
});
