import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { deployment } from "../apiserver/testing/manifests.ts";
import { TestServer } from "../apiserver/testing/test-server.ts";
import { restoreSqliteStore } from "../store/sqlite/restore.ts";
import type { Backend, BackendEvent, WriteOutcome } from "./backend.ts";
import type { ApiObject } from "../../api/object-meta.ts";

const resource = { group: "wherry.dev", plural: "wasmdeployments" };
type NewObject = Parameters<Backend["create"]>[1];

function wanted(name: string): NewObject {
  return deployment(name, {}, { namespace: "default" }) as unknown as NewObject;
}

function written(outcome: WriteOutcome | { readonly kind: "exists" }): ApiObject {
  if (outcome.kind !== "written") throw new Error(`expected a write, got ${outcome.kind}`);
  return outcome.object;
}

test("EmbeddedBackend.watch: what exists, synced, then every change in order", async () => {
  await using server = await TestServer.start();
  const { backend } = server.api;
  await backend.create(resource, wanted("a"));
  const events: BackendEvent[] = [];
  const stop = new AbortController();
  backend.watch(resource, (event) => events.push(event), stop.signal);
  const object = written(await backend.create(resource, wanted("b")));
  await backend.updateStatus(resource, object, { replicas: 1 });
  await backend.delete(resource, object);
  stop.abort();
  await backend.create(resource, wanted("c"));
  expect(
    events.map((event) =>
      event.kind === "synced" ? event.kind : `${event.kind} ${event.object.metadata.name}`,
    ),
  ).toEqual(["put a", "synced", "put b", "put b", "delete b"]);
});

test("EmbeddedBackend: writes are optimistic, and reads see them at once", async () => {
  await using server = await TestServer.start();
  const { backend } = server.api;
  const first = written(await backend.create(resource, wanted("a")));
  expect(await backend.create(resource, wanted("a"))).toEqual({ kind: "exists" });
  const second = written(await backend.updateStatus(resource, first, { replicas: 2 }));
  expect(second.metadata.generation).toBe(1);
  expect(backend.get(resource, "default", "a")).toEqual(second);
  expect(await backend.updateStatus(resource, first, { replicas: 3 })).toEqual({ kind: "conflict" });
  const spec = { ...(second["spec"] as object), replicas: 4 };
  const third = written(await backend.update(resource, { ...second, spec }));
  expect(third).toMatchObject({
    spec: { replicas: 4 },
    status: { replicas: 2 },
    metadata: { generation: 2 },
  });
});

test("EmbeddedBackend.delete: only the object with that uid", async () => {
  await using server = await TestServer.start();
  const { backend } = server.api;
  const object = written(await backend.create(resource, wanted("a")));
  const other = { ...object, metadata: { ...object.metadata, uid: "another" } };
  expect(await backend.delete(resource, other)).toEqual({ kind: "notFound" });
  expect((await backend.delete(resource, object)).kind).toBe("written");
  expect(await backend.delete(resource, object)).toEqual({ kind: "notFound" });
  expect(await backend.updateStatus(resource, object, {})).toEqual({ kind: "notFound" });
});

test("EmbeddedBackend.takeEpoch: higher each time, also after a restart", async () => {
  await using first = await TestServer.start();
  const epochs = [await first.api.backend.takeEpoch(), await first.api.backend.takeEpoch()];
  await first.api.close();
  await first.store.close();
  await using second = await TestServer.start({ folder: first.folder });
  epochs.push(await second.api.backend.takeEpoch());
  expect(epochs).toEqual([...new Set(epochs)].toSorted((a, b) => a - b));
});

test("EmbeddedBackend.takeEpoch: after a restore, higher than any taken since the backup", async () => {
  await using first = await TestServer.start();
  const copy = join(first.folder, "copy.db");
  await using backup = await first.store.backup();
  for await (const chunk of backup.content) appendFileSync(copy, chunk);
  await first.api.backend.takeEpoch();
  const last = await first.api.backend.takeEpoch();
  await first.api.close();
  await first.store.close();
  const folder = join(first.folder, "restored");
  mkdirSync(folder);
  const file = join(folder, "store.db");
  restoreSqliteStore({ from: copy, file, force: false, nowMs: 1, newEpoch: "other" });
  await using second = await TestServer.start({ folder });
  expect(await second.api.backend.takeEpoch()).toBeGreaterThan(last);
});

test("EmbeddedBackend: a store that is gone is BackendUnavailable and retryable", async () => {
  await using server = await TestServer.start();
  const { backend } = server.api;
  await server.store.close();
  await expect(backend.create(resource, wanted("a"))).rejects.toMatchObject({
    code: "BackendUnavailable",
    retryable: true,
  });
});
