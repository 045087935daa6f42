import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { expect, test } from "vitest";

import { errno } from "./abi.ts";
import { MountedGuest } from "./guest-fixture.ts";
import {
  missingFunctions,
  openDirectoryCapability,
  Preview1,
  preview1Functions,
  preview1Signatures,
  suspendingFunctions,
} from "./preview1.ts";
import { FakeHost, Guest, Sandbox } from "./test-support.ts";

test("preview1Signatures: names exactly the functions that exist", () => {
  const names = [...preview1Functions.keys()];
  expect(names.sort()).toEqual(Object.keys(preview1Signatures).sort());
  expect(names.length).toBe(46);
  expect(names).toEqual(expect.arrayContaining([...suspendingFunctions, ...missingFunctions]));
});

test("preview1Signatures: are written in one form", () => {
  for (const signature of Object.values(preview1Signatures)) {
    expect(signature).toMatch(/^\((i32|i64)?( (i32|i64))*\) -> \((i32)?\)$/);
  }
});

test("Preview1: what only suspending functions may answer is a promise", () => {
  using mounted = new MountedGuest();
  const { guest } = mounted;
  for (const [name, signature] of Object.entries(preview1Signatures)) {
    const [parameters = ""] = signature.slice(1).split(")");
    const zeros = parameters === "" ? [] : parameters.split(" ").map((type) => (type === "i64" ? 0n : 0));
    const answer = guest.invoke(name, ...zeros);
    if (!suspendingFunctions.has(name)) expect(answer, name).not.toBeInstanceOf(Promise);
  }
  mounted.sandbox.host.kill();
  expect(mounted.sandbox.host.bugs).toEqual([]);
});

test("Preview1: our own bug is EIO and reported", async () => {
  const host = new FakeHost();
  const bug = new Error("bug");
  host.random = () => {
    throw bug;
  };
  host.yield = () => Promise.reject(bug);
  using guest = new Guest(host);
  expect(guest.call("random_get", 0, 8)).toBe(errno.io);
  expect(await guest.invoke("sched_yield")).toBe(errno.io);
  expect(host.bugs).toEqual([bug, bug]);
});

test("Preview1: a call before the memory is bound is EIO", () => {
  const preview1 = new Preview1(new FakeHost());
  const sizes = preview1Functions.get("args_sizes_get");
  expect(sizes && preview1.call(sizes, 0, 4)).toBe(errno.io);
});

test("Preview1.close: closes everything, twice, and gives directories back", () => {
  using mounted = new MountedGuest();
  const { guest, sandbox } = mounted;
  mounted.file("file", "text");
  const fd = guest.open("file");
  guest.preview1.close();
  guest.preview1.close();
  expect([guest.read(fd), guest.open("file")]).toEqual([errno.badf, -errno.badf]);
  using other = new Guest(sandbox.host);
  expect(other.open("file")).toBe(4);
});

test("openDirectoryCapability: refuses what is missing and what is no folder of files", () => {
  using sandbox = new Sandbox();
  expect(() => openDirectoryCapability(`${sandbox.root}/none`)).toThrow(
    expect.objectContaining({ code: "mount-unavailable" }),
  );
  expect(() => openDirectoryCapability(`/proc/${process.pid}`)).toThrow(
    expect.objectContaining({ code: "mount-forbidden" }),
  );
});

test.each([
  ["a symlink at its end", "link"],
  ["a symlink on its way", "link/inner"],
  ["..", "mount/../mount"],
  [".. at its end", "mount/inner/.."],
  [".", "mount/./inner"],
  ["a slash at its end", "mount/"],
])("openDirectoryCapability: refuses what is no real path: %s", (_name, path) => {
  using sandbox = new Sandbox();
  mkdirSync(`${sandbox.mount}/inner`, { recursive: true });
  symlinkSync("mount", `${sandbox.root}/link`);
  const before = readdirSync("/proc/self/fd").length;
  expect(() => openDirectoryCapability(`${sandbox.root}/${path}`)).toThrow(
    expect.objectContaining({ code: "mount-unavailable" }),
  );
  expect(readdirSync("/proc/self/fd")).toHaveLength(before);
});

test.each(["mount/inner", ""])("openDirectoryCapability: refuses the relative path %j", (path) => {
  expect(() => openDirectoryCapability(path)).toThrow(expect.objectContaining({ code: "mount-unavailable" }));
});

test("DirectoryCapability: outlives its opener while an instance holds it", () => {
  using sandbox = new Sandbox();
  const directory = openDirectoryCapability(sandbox.root);
  sandbox.host.preopens = [{ guestPath: "/", directory, readOnly: true }];
  using guest = new Guest(sandbox.host);
  directory.release();
  expect(guest.list(3).map(({ name }) => name)).toEqual([".", ".."]);
  guest.preview1.close();
  expect(() => directory.acquire()).toThrow("closed");
});
