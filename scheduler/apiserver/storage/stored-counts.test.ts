import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../../kit/clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { openSqliteStore } from "../../store/sqlite/sqlite-store.ts";
import { builtInResources, Registry } from "../registry.ts";
import { StoreCache } from "./store-cache.ts";
import { StoredCounts } from "./stored-counts.ts";

const configMaps = { group: "", plural: "configmaps" };

function keyOf(path: string): string {
  return `/registry/${path}`;
}

function objectAt(path: string): string {
  const [, plural, ...rest] = path.split("/");
  const [name, namespace] = plural === "namespaces" ? rest : rest.toReversed();
  return JSON.stringify({ apiVersion: "v1", kind: "X", metadata: { namespace, name } });
}

test("StoredCounts: sizes by kind and namespace, and who tells when they change", async () => {
  const folder = mkdtempSync(join(tmpdir(), "wherry-counts-"));
  const closing = new AbortController();
  await using store = await openSqliteStore({
    file: join(folder, "store.db"),
    clock: systemClock,
    log: silentLog,
  });
  try {
    const put = (path: string) =>
      store.commit([{ kind: "put", key: keyOf(path), value: objectAt(path), expectedRevision: undefined }]);
    await put("core/configmaps/default/old");
    const plain = (_key: string, text: string) => text;
    const cache = new StoreCache({ encode: plain, decode: plain, needsRewrite: () => false }, silentLog);
    await cache.open(store, closing.signal);
    const counts = new StoredCounts(new Registry(builtInResources()), cache);
    const told: string[] = [];
    const subscription = counts.subscribe(({ group, plural }, namespace) =>
      told.push(`${plural}.${group} in ${namespace}`),
    );
    await put("core/configmaps/default/new");
    await put("core/configmaps/default/new");
    await put("core/configmaps/other/new");
    await put("core/namespaces/fresh");
    await put("wherry.dev/wasmjobs/default/work");
    expect(counts.count(configMaps, "default")).toBe(2);
    expect(counts.count(configMaps, "nowhere")).toBe(0);
    expect(counts.count({ group: "wherry.dev", plural: "wasmjobs" }, "default")).toBe(1);
    expect(counts.count({ group: "wherry.dev", plural: "wasmnodes" }, "default")).toBeUndefined();
    expect(counts.count({ group: "live.wherry.dev", plural: "wasminstances" }, "default")).toBeUndefined();
    expect(counts.count({ group: "example.com", plural: "widgets" }, "default")).toBeUndefined();
    expect(counts.exists(configMaps, "default", "old")).toBe(true);
    await store.commit([
      { kind: "delete", key: keyOf("core/configmaps/default/old"), expectedRevision: undefined },
    ]);
    expect(counts.count(configMaps, "default")).toBe(1);
    expect(counts.exists(configMaps, "default", "old")).toBe(false);
    subscription[Symbol.dispose]();
    await put("core/configmaps/default/unheard");
    expect(told).toEqual([
      "configmaps. in default",
      "configmaps. in other",
      "wasmjobs.wherry.dev in default",
      "configmaps. in default",
    ]);
  } finally {
    closing.abort();
    rmSync(folder, { recursive: true, force: true });
  }
});
