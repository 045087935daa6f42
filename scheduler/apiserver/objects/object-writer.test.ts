import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../../kit/clock.ts";
import { Bug } from "../../../kit/errors.ts";
import { silentLog } from "../../../kit/log.ts";
import { systemRandom } from "../../../kit/random.ts";
import { openSqliteStore } from "../../store/sqlite/sqlite-store.ts";
import { builtInResources, Registry } from "../registry.ts";
import type { JsonObject } from "../resource.ts";
import { ValueCodec } from "../storage/encryption.ts";
import { StoreCache } from "../storage/store-cache.ts";
import { internalWrite, ObjectWriter } from "./object-writer.ts";

async function aWriter() {
  const folder = mkdtempSync(join(tmpdir(), "wherry-writer-"));
  const common = { clock: systemClock, random: systemRandom };
  const store = await openSqliteStore({ file: join(folder, "store.db"), log: silentLog, ...common });
  const form = new ValueCodec({ kind: "none" });
  const cache = new StoreCache(form, silentLog);
  await cache.open(store, new AbortController().signal);
  const registry = new Registry(builtInResources());
  const writer = new ObjectWriter({ store, cache, form, registry, admission: [], ...common });
  const kind = registry.findPlural("", "configmaps");
  const namespaces = registry.findPlural("", "namespaces");
  if (!kind || !namespaces) throw new Bug("built-in kinds are missing");
  const made = (object: JsonObject) => ({ object, duplicateFields: [] });
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } };
  await writer.create(namespaces, "", made(namespace), internalWrite);
  return {
    writer,
    cache: cache.of(kind.resource),
    registry,
    kind,
    create: (metadata: JsonObject) =>
      writer.create(kind, "default", made({ apiVersion: "v1", kind: "ConfigMap", metadata }), internalWrite),
    async [Symbol.asyncDispose]() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

test("ObjectWriter.deleteBatch: what got a finalizer meanwhile stays as it is", async () => {
  await using server = await aWriter();
  const { writer, kind, cache } = server;
  const object = await server.create({ name: "a" });
  const held = { ...object, metadata: { ...object.metadata, finalizers: ["example.com/hold"] } };
  const submitted = { object: { ...held }, duplicateFields: [] };
  const now = await writer.update(kind, "default", "a", "", () => submitted, internalWrite);
  await writer.deleteBatch([{ kind, object }]);
  expect(cache.get("default", "a")).toEqual(now);
});

test("ObjectWriter.create: nothing of a kind that is no longer served", async () => {
  await using server = await aWriter();
  server.registry.remove(server.kind.resource);
  await expect(server.create({ name: "late" })).rejects.toMatchObject({ reason: "NotFound" });
  expect(server.cache.size).toBe(0);
});
