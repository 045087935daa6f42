import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { errno } from "../abi.ts";
import { DirectoryCapability, openDirectoryCapability } from "../file-system/directory-capability.ts";
import { errorCode as errorCode2 } from "../preview2/filesystem-values.ts";
import { IoError } from "../preview2/io.ts";
import { errorCode as errorCode3 } from "../preview3/filesystem-values.ts";
import { FileFailure } from "./file-failure.ts";
import { SlowFiles } from "./slow-files.ts";
import {
  generations,
  guestStream,
  membersOf,
  MountedComponent,
  must,
  preview2,
  preview2Streams,
  type TestDescriptor,
} from "./test-support.ts";

/** The functions of a package's text, by interface, as in `OfferedInterface`. */
function functionsOf(version: string): ReadonlyMap<string, readonly string[]> {
  const file = `node_modules/@bytecodealliance/jco/lib/wit/builtin/${version}/wasi-filesystem/package.wit`;
  const wit = readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8");
  const functions = new Map<string, string[]>();
  let names: string[] = [];
  let resource = "";
  for (const line of wit.split("\n")) {
    const opened = /^(?<indent> *)(?<kind>interface|resource) (?<name>[a-z-]+) \{/.exec(line)?.groups;
    if (opened?.["kind"] === "interface") functions.set(opened["name"] ?? "", (names = []));
    if (opened?.["kind"] === "resource") resource = opened["name"] ?? "";
    if (line === "    }") resource = "";
    const name = /^ *(?<name>[a-z-]+): (?:async )?func\(/.exec(line)?.groups?.["name"];
    if (name !== undefined) names.push(resource === "" ? name : `[method]${resource}.${name}`);
  }
  return functions;
}

function camelCase(name: string): string {
  return name.replaceAll(/-(?<letter>[a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

describe.each(generations)("$name interfaces", (generation) => {
  const line = generation === preview2 ? "0.2" : "0.3";
  const wit = functionsOf(generation === preview2 ? "0.2.12" : "0.3.0");

  test("every function of WIT is offered, and is there", () => {
    using mounted = new MountedComponent();
    expect(wit.size).toBe(2);
    for (const [part, names] of wit) {
      const offered = generation.interfaces.find(({ name }) => name === `wasi:filesystem/${part}@${line}`);
      expect([...(offered?.functions ?? [])].sort()).toEqual([...names].sort());
      const members = membersOf(generation, part, mounted.host);
      for (const name of names) {
        const method = /^\[method\](?<resource>[a-z-]+)\.(?<name>[a-z-]+)$/.exec(name)?.groups;
        const owner = method && camelCase(`-${method["resource"]}`);
        const found =
          owner === undefined
            ? members[camelCase(name)]
            : (members[owner] as { readonly prototype: Record<string, unknown> }).prototype[
                camelCase(method?.["name"] ?? "")
              ];
        expect([name, typeof found]).toEqual([name, "function"]);
      }
    }
  });

  test("what suspends is what waits for a slow mount, and nothing else waits", async () => {
    using mounted = new MountedComponent({
      open: (hostPath) => {
        const local = openDirectoryCapability(hostPath);
        return new DirectoryCapability(local.fd, new SlowFiles(local.files));
      },
    });
    mounted.file("file", "content");
    const root = mounted.root(generation);
    const file = await must(root.openAt({}, "file", {}, { read: true, write: true }));
    const types = generation.interfaces.find(({ name }) => name.includes("/types@"));
    const suspending = new Set(types?.suspending);
    const noChange = { tag: "no-change" };
    const now = { tag: "now" };
    const calls: Readonly<Record<string, readonly [target: TestDescriptor, ...args: unknown[]]>> = {
      advise: [file, 0n, 0n, "normal"],
      "append-via-stream": generation === preview2 ? [file] : [file, guestStream()],
      "create-directory-at": [root, "new"],
      "get-flags": [file],
      "get-type": [file],
      "is-same-object": [file, root],
      "link-at": [root, {}, "file", root, "linked"],
      "metadata-hash": [file],
      "metadata-hash-at": [root, {}, "file"],
      "open-at": [root, {}, "file", {}, {}],
      read: [file, 1n, 0n],
      "read-directory": [root],
      "read-via-stream": [file, 0n],
      "readlink-at": [root, "file"],
      "remove-directory-at": [root, "new"],
      "rename-at": [root, "file", root, "file"],
      "set-size": [file, 7n],
      "set-times": [file, now, noChange],
      "set-times-at": [root, {}, "file", now, noChange],
      stat: [file],
      "stat-at": [root, {}, "file"],
      "symlink-at": [root, "file", "symlink"],
      sync: [file],
      "sync-data": [file],
      "unlink-file-at": [root, "symlink"],
      write: [file, Buffer.from("c"), 0n],
      "write-via-stream": generation === preview2 ? [file, 0n] : [file, guestStream(), 0n],
    };
    const names = (types?.functions ?? []).filter((name) => name.startsWith("[method]descriptor."));
    // In WASI 0.3 every async function is one; a future is no waiting.
    const alwaysAllowed = generation === preview2 ? [] : ["advise", "get-flags", "get-type"];
    for (const name of names) {
      const short = name.replace("[method]descriptor.", "");
      const call = calls[short];
      if (call === undefined) throw new Error(`no call of ${name}`);
      const [target, ...args] = call;
      const method = (target as unknown as Record<string, (...args: unknown[]) => unknown>)[camelCase(short)];
      const answer = method?.apply(target, args);
      const isFuture = generation !== preview2 && short.endsWith("via-stream");
      const waits = answer instanceof Promise && !isFuture;
      if (!alwaysAllowed.includes(short)) expect([name, waits]).toEqual([name, suspending.has(name)]);
      await answer;
    }
    if (generation === preview2) {
      const readEntry = "[method]directory-entry-stream.read-directory-entry";
      expect(suspending.has(readEntry)).toBe(true);
      const stream = await must(preview2Streams(root).readDirectory());
      await must(stream.readDirectoryEntry());
      stream[Symbol.dispose]();
    }
    expect(mounted.host.bugs).toEqual([]);
  });
});

describe("error codes", () => {
  const both: readonly (readonly [name: keyof typeof errno, code: string])[] = [
    ["acces", "access"],
    ["badf", "bad-descriptor"],
    ["busy", "busy"],
    ["dquot", "quota"],
    ["exist", "exist"],
    ["fbig", "file-too-large"],
    ["ilseq", "illegal-byte-sequence"],
    ["intr", "interrupted"],
    ["inval", "invalid"],
    ["io", "io"],
    ["isdir", "is-directory"],
    ["loop", "loop"],
    ["mfile", "insufficient-memory"],
    ["mlink", "too-many-links"],
    ["nametoolong", "name-too-long"],
    ["nfile", "insufficient-memory"],
    ["nobufs", "insufficient-memory"],
    ["nodev", "no-device"],
    ["noent", "no-entry"],
    ["nolck", "no-lock"],
    ["nomem", "insufficient-memory"],
    ["nospc", "insufficient-space"],
    ["nosys", "unsupported"],
    ["notcapable", "not-permitted"],
    ["notdir", "not-directory"],
    ["notempty", "not-empty"],
    ["notsup", "unsupported"],
    ["nxio", "no-such-device"],
    ["overflow", "overflow"],
    ["perm", "not-permitted"],
    ["pipe", "pipe"],
    ["rofs", "read-only"],
    ["spipe", "invalid-seek"],
    ["txtbsy", "text-file-busy"],
    ["xdev", "cross-device"],
  ];
  test.each(both)("%s is %s in both generations", (name, code) => {
    expect(errorCode2(errno[name])).toBe(code);
    expect(errorCode3(errno[name])).toEqual({ tag: code });
  });

  test.each([
    ["again", "would-block", { tag: "other", val: "would block" }],
    ["stale", "io", { tag: "other", val: undefined }],
    ["timedout", "io", { tag: "other", val: undefined }],
  ] as const)("%s differs", (name, code2, code3) => {
    expect(errorCode2(errno[name])).toBe(code2);
    expect(errorCode3(errno[name])).toEqual(code3);
  });

  test("filesystem-error-code: of a file's stream only", () => {
    using mounted = new MountedComponent();
    const { filesystemErrorCode } = membersOf(preview2, "types", mounted.host) as {
      readonly filesystemErrorCode: (error: IoError) => string | undefined;
    };
    const { host } = mounted;
    expect(filesystemErrorCode(new IoError(host, new FileFailure(errno.nospc)))).toBe("insufficient-space");
    expect(filesystemErrorCode(new IoError(host, { errno: errno.nospc }))).toBeUndefined();
  });
});
