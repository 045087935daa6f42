import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rewriterVersion } from "../../wasm/rewrite.ts";
import { guests } from "../../shim/test-guests.ts";
import { TestNode } from "./test-driver.ts";
import { collectTranslations } from "./translation-cache.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-translations-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const digest = (letter: string) => letter.repeat(64);

/** 1,000 bytes in two files. */
function translate(letter: string, version = rewriterVersion): void {
  const base = join(folder, `${digest(letter)}-r${version}.wasm`);
  writeFileSync(base, Buffer.alloc(900));
  writeFileSync(`${base}.json`, Buffer.alloc(100));
}

function component(letter: string): void {
  const base = join(folder, `sha256-${digest(letter)}-r${rewriterVersion}-key`);
  mkdirSync(base);
  for (const name of ["component.json", "core0.wasm"]) writeFileSync(join(base, name), Buffer.alloc(500));
}

/** The letters that are left. */
function left(): string {
  const names = readdirSync(folder).map((name) => name.replace(/^sha256-/, "")[0] ?? "");
  return [...new Set(names)].toSorted().join("");
}

const order = "abcd";
let removed: string[] = [];
beforeEach(() => (removed = []));
const request = {
  removed: (of: string) => void removed.push(of[0] ?? ""),
  isUsed: (_digest: string): boolean => false,
  lastUsed: (of: string) => (order.includes(of[0] ?? "") ? order.indexOf(of[0] ?? "") : undefined),
};

test("collectTranslations: within the bound all stay", async () => {
  for (const letter of "abc") translate(letter);
  expect(await collectTranslations(folder, { ...request, bytesMax: 3000 })).toEqual({
    keptBytes: 3000,
    freedBytes: 0,
  });
  expect(left()).toBe("abc");
});

test("collectTranslations: the least recently used go, components too", async () => {
  translate("c");
  component("a");
  translate("b");
  expect(await collectTranslations(folder, { ...request, bytesMax: 1500 })).toEqual({
    keptBytes: 1000,
    freedBytes: 2000,
  });
  expect(left()).toBe("c");
  expect(removed).toEqual(["a", "b"]);
});

test("collectTranslations: those of modules that are gone go before all others, the oldest first", async () => {
  for (const letter of "aef") translate(letter);
  utimesSync(join(folder, `${digest("f")}-r${rewriterVersion}.wasm`), 1, 1);
  utimesSync(join(folder, `${digest("f")}-r${rewriterVersion}.wasm.json`), 1, 1);
  await collectTranslations(folder, { ...request, bytesMax: 2000 });
  expect(left()).toBe("ae");
});

test("collectTranslations: what is used stays, whatever it takes", async () => {
  for (const letter of "ab") translate(letter);
  component("c");
  const used = { ...request, isUsed: (of: string) => of !== digest("b") };
  expect(await collectTranslations(folder, { ...used, bytesMax: 0 })).toEqual({
    keptBytes: 2000,
    freedBytes: 1000,
  });
  expect(left()).toBe("ac");
});

test("collectTranslations: what another version made, and what nobody knows, goes at once", async () => {
  translate("a", rewriterVersion - 1);
  translate("b");
  writeFileSync(join(folder, "x"), "what is this?");
  await collectTranslations(folder, { ...request, isUsed: () => true, bytesMax: 1e9 });
  expect(left()).toBe("b");
});

test("collectTranslations: no folder yet is nothing to collect", async () => {
  const absent = join(folder, "absent");
  expect(await collectTranslations(absent, { ...request, bytesMax: 0 })).toEqual({
    keptBytes: 0,
    freedBytes: 0,
  });
});

test("collectTranslations: what a driver has translated goes, and is made again when somebody wants it", async () => {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const module = await node.prepared(driver, guests.exits(3));
  const { freedBytes } = await driver.collectGarbage({
    isUsed: () => false,
    lastUsed: () => undefined,
    removed: () => {},
    bytesMax: 0,
  });
  expect(freedBytes).toBeGreaterThan(0);
  expect(existsSync(module.file)).toBe(false);
  driver.start(node.spec("one", await node.prepared(driver, guests.exits(3))));
  expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode: 3 });
});
