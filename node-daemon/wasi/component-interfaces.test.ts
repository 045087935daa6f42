import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

import type { OfferedInterface } from "./component-interfaces.ts";
import { FakeComponentHost } from "./component-test-support.ts";
import { preview2Interfaces } from "./preview2/index.ts";
import { preview3Interfaces } from "./preview3/index.ts";
import { readWit } from "./wit-test-support.ts";

const texts = resolve(import.meta.dirname, "../../node_modules/@bytecodealliance/jco/lib/wit/builtin");

const lines = [
  { line: "0.2", newest: "0.2.12", offered: preview2Interfaces },
  { line: "0.3", newest: "0.3.0", offered: preview3Interfaces },
];

/** Of the packages that are offered at all. */
const notOffered: readonly string[] = [];

/** `[method]input-stream.blocking-read`: the member `InputStream`, and `blockingRead` of its prototype. */
function memberOf(members: Readonly<Record<string, unknown>>, name: string): unknown {
  const [, kind, resource, method = ""] = /^\[(\w+)\]([\w-]+)(?:\.([\w-]+))?$/.exec(name) ?? [];
  if (kind === undefined) return members[camelCase(name)];
  const owner = members[camelCase(`-${resource}`)] as
    | (Record<string, unknown> & { readonly prototype: Record<string, unknown> })
    | undefined;
  if (kind === "constructor") return owner;
  return kind === "static" ? owner?.[camelCase(method)] : owner?.prototype[camelCase(method)];
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function byName(offered: readonly OfferedInterface[], name: string): OfferedInterface | undefined {
  return offered.find((one) => one.name === name);
}

describe.each(lines)("interfaces of WASI $line", ({ line, newest, offered }) => {
  const packages = readdirSync(join(texts, newest)).map((folder) =>
    readWit(readFileSync(join(texts, newest, folder, "package.wit"), "utf8")),
  );
  const specified = new Map(
    packages.flatMap(({ interfaces }) => interfaces).map((one) => [`${one.name}@${line}`, one]),
  );

  it("have names of their own", () => {
    expect(new Set(offered.map(({ name }) => name)).size).toBe(offered.length);
  });

  it("are all that the worlds of offered packages import", () => {
    const packageOf = (name: string) => name.slice(0, name.indexOf("/"));
    const offeredPackages = new Set(offered.map(({ name }) => packageOf(name)));
    const imported = packages.flatMap((one) => one.imported).map((name) => `${name}@${line}`);
    const wanted = imported.filter((name) => offeredPackages.has(packageOf(name)));
    const missing = wanted.filter((name) => !byName(offered, name));
    expect(missing).toEqual(notOffered.filter((name) => name.endsWith(line)));
  });

  it.each(offered.map((one) => one.name))("%s: has the functions of the text", (name) => {
    const wit = specified.get(name);
    const functions = byName(offered, name)!.functions.toSorted();
    expect(functions).toEqual(wit!.functions.map((one) => one.name).toSorted());
  });

  it.each(offered.map((one) => one.name))(
    "%s: suspends in functions that it has, in all async ones",
    (name) => {
      const { functions, suspending } = byName(offered, name)!;
      expect(suspending.filter((one) => !functions.includes(one))).toEqual([]);
      const asyncOnes = specified.get(name)!.functions.filter((one) => one.isAsync);
      expect(suspending).toEqual(expect.arrayContaining(asyncOnes.map((one) => one.name)));
      expect(byName(offered, name)!.async?.toSorted() ?? []).toEqual(
        asyncOnes.map((one) => one.name).toSorted(),
      );
    },
  );

  it.each(offered.map((one) => one.name))("%s: has a member for each function and resource", (name) => {
    const one = byName(offered, name)!;
    const members = one.make(new FakeComponentHost());
    for (const functionName of one.functions) {
      expect(memberOf(members, functionName), functionName).toBeTypeOf("function");
    }
    for (const resource of specified.get(name)!.resources) {
      expect(members[camelCase(`-${resource}`)], resource).toBeTypeOf("function");
    }
  });
});
