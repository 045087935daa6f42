import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

import { errno, openFlag, timesFlag } from "../abi.ts";
import { MountedGuest, secret } from "../guest-fixture.ts";
import { type DirectoryCapability, openDirectoryCapability } from "./directory-capability.ts";
import { limits } from "../limits.ts";
import { Guest, readRights } from "../test-support.ts";

/** Ways to name the secret beside the mount, once the fixture below has laid its links. */
const ways: readonly (readonly [name: string, path: string])[] = [
  ["..", "../outside/secret"],
  [".. after a directory", "dir/../../outside/secret"],
  [".. hidden by dots", "./.././outside//secret"],
  ["many ..", `${"../".repeat(40)}etc/passwd`],
  ["an absolute path", "/etc/passwd"],
  ["an absolute link to a file", "absolute-file"],
  ["an absolute link to a directory", "absolute-dir/secret"],
  ["a climbing link to a file", "climbing-file"],
  ["a climbing link to a directory", "climbing-dir/secret"],
  ["a climbing link deeper down", "dir/climbing/secret"],
  ["a link to ..", "up/outside/secret"],
  ["a link to the root of the host", "root/etc/passwd"],
  ["a chain of links", "y/outside/secret"],
  ["a longer chain of links", "yy/../outside/secret"],
  ["a link to a link that climbs", "chain/secret"],
  [".. behind a link", "here/../outside/secret"],
  [".. behind a link to a directory", "dir-link/../../outside/secret"],
  ["/proc by a link", "proc/self/environ"],
  ["the process' root by a link", "process-root/etc/passwd"],
  ["an open directory of the process by a link", "process-fds/3/secret"],
];

function fenced(options: { readonly readOnly?: boolean } = {}): MountedGuest {
  const mounted = new MountedGuest(options);
  const { outside } = mounted.sandbox;
  mounted.file("dir/file", "inside");
  const links: readonly (readonly [name: string, target: string])[] = [
    ["absolute-file", join(outside, "secret")],
    ["absolute-dir", outside],
    ["climbing-file", "../outside/secret"],
    ["climbing-dir", "../outside"],
    ["dir/climbing", "../../outside"],
    ["up", ".."],
    ["root", "/"],
    ["x", "."],
    ["y", "x/.."],
    ["yy", "y/.."],
    ["here", "."],
    ["dir-link", "dir"],
    ["chain", "chain-2"],
    ["chain-2", "dir/climbing"],
    ["proc", "/proc"],
    ["process-root", "/proc/self/root"],
    ["process-fds", "/proc/self/fd"],
  ];
  for (const [name, target] of links) symlinkSync(target, mounted.path(name));
  return mounted;
}

describe.each(ways)("escape by %s", (_name, path) => {
  const attempts: readonly (readonly [name: string, call: (guest: Guest, path: string) => number])[] = [
    ["open", (guest, path) => guest.open(path, { rights: readRights })],
    ["open for writing", (guest, path) => guest.open(path)],
    ["create", (guest, path) => guest.open(`${path}-new`, { flags: openFlag.create })],
    ["truncate", (guest, path) => guest.open(path, { flags: openFlag.truncate })],
    ["stat", (guest, path) => guest.call("path_filestat_get", 3, 1, path, guest.out)],
    ["times", (guest, path) => guest.call("path_filestat_set_times", 3, 1, path, 1n, 1n, timesFlag.mtime)],
    ["mkdir", (guest, path) => guest.call("path_create_directory", 3, `${path}-dir`)],
    ["unlink what it leads to", (guest, path) => guest.call("path_unlink_file", 3, `${path}/../secret`)],
    ["link from there", (guest, path) => guest.call("path_link", 3, 1, path, 3, "stolen")],
    ["rename into there", (guest, path) => guest.call("path_rename", 3, "dir/file", 3, `${path}/../moved`)],
    ["symlink there", (guest, path) => guest.call("path_symlink", "x", 3, `${path}/../sym`)],
    ["readlink there", (guest, path) => guest.call("path_readlink", 3, `${path}/.`, 65_536, 99, guest.out)],
  ];
  test.each(attempts)("%s", (_name, attempt) => {
    using mounted = fenced();
    const { outside, root } = mounted.sandbox;
    const before = statSync(join(outside, "secret"), { bigint: true });
    attempt(mounted.guest, path);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe(secret);
    expect(statSync(join(outside, "secret"), { bigint: true }).mtimeNs).toBe(before.mtimeNs);
    expect(readdirSync(root)).toEqual(["mount", "outside"]);
    expect(readdirSync(outside)).toEqual(["secret"]);
    expect(mounted.sandbox.host.bugs).toEqual([]);
  });

  test("opening it is refused with EPERM", () => {
    using mounted = fenced();
    expect(mounted.guest.open(path, { rights: readRights })).toBe(-errno.perm);
  });
});

test("escape: a link made by the guest can't be absolute, and a climbing one leads nowhere", () => {
  using mounted = fenced();
  const { guest } = mounted;
  expect(guest.call("path_symlink", "/etc", 3, "abs")).toBe(errno.perm);
  expect(guest.call("path_symlink", "../outside/secret", 3, "climb")).toBe(0);
  expect(guest.open("climb", { rights: readRights })).toBe(-errno.perm);
  expect(guest.open("climb", { flags: openFlag.create | openFlag.truncate })).toBe(-errno.perm);
});

test("escape: a directory that is moved out does not take its descriptor's `..` with it", () => {
  using mounted = fenced();
  const { guest, sandbox } = mounted;
  const fd = guest.open("dir", { rights: readRights });
  renameSync(mounted.path("dir"), join(sandbox.outside, "dir"));
  expect(guest.open("../secret", { fd, rights: readRights })).toBe(-errno.perm);
  expect(guest.open("file", { fd, rights: readRights })).toBeGreaterThan(0);
});

test("escape: a descriptor of a directory is a top of its own", () => {
  using mounted = fenced();
  const fd = mounted.guest.open("dir", { rights: readRights });
  expect(mounted.guest.open("../dir/file", { fd, rights: readRights })).toBe(-errno.perm);
});

test("escape: a read-only mount can't be written through a hard link in a writable one", () => {
  using mounted = fenced();
  const { sandbox } = mounted;
  const [writable] = sandbox.host.preopens;
  if (writable === undefined) throw new Error("the fixture has a mount");
  const directory = sandbox.capability(sandbox.outside);
  sandbox.host.preopens = [writable, { guestPath: "/ro", directory, readOnly: true }];
  using guest = new Guest(sandbox.host);
  expect(guest.call("path_link", 4, 0, "secret", 3, "stolen")).toBe(errno.rofs);
  expect(guest.call("path_rename", 4, "secret", 3, "stolen")).toBe(errno.rofs);
  expect(guest.call("path_rename", 3, "dir/file", 4, "secret")).toBe(errno.rofs);
  expect(guest.open("secret", { fd: 4, rights: readRights })).toBeGreaterThan(0);
});

test("escape: a mount of the host's root has no way into /proc and /sys", () => {
  using mounted = fenced();
  const { sandbox } = mounted;
  sandbox.host.preopens = [{ guestPath: "/", directory: sandbox.capability("/"), readOnly: false }];
  using guest = new Guest(sandbox.host);
  for (const path of [`proc/${process.pid}/mem`, "proc/self/environ", "proc", "proc/self/root/etc", "sys"]) {
    expect([path, guest.open(path, { rights: readRights })]).toEqual([path, expect.any(Number)]);
    expect(guest.open(path, { rights: readRights })).toBeLessThan(0);
    expect(guest.open(path)).toBeLessThan(0);
  }
  expect(guest.open("etc/passwd", { rights: readRights })).toBeGreaterThan(0);
});

test("escape: no attempt leaves a host descriptor open", () => {
  using mounted = fenced();
  const { guest } = mounted;
  const open = () => readdirSync("/proc/self/fd").length;
  guest.open("dir/file", { rights: readRights });
  const before = open();
  for (const [, path] of ways) {
    guest.open(path, { rights: readRights });
    guest.open(`dir/../${path}`, { rights: readRights });
    guest.call("path_rename", 3, `dir/./${path}`, 3, `dir/../dir/${path}`);
    guest.call("path_filestat_get", 3, 1, `dir/../${path}`, guest.out);
  }
  expect(open()).toBe(before);
});

test("escape: nor do bounded chains of links take forever", () => {
  using mounted = fenced();
  const long = "dir/../".repeat(120);
  for (let i = 0; i < 60; i++) symlinkSync(`${long}long-${i + 1}`, mounted.path(`long-${i}`));
  expect(mounted.guest.open("long-0", { rights: readRights })).toBe(-errno.nametoolong);
  mkdirSync(mounted.path("deep"));
  const half = limits.pathStepsMax / 2;
  expect(mounted.guest.open("deep/../".repeat(half), { rights: readRights })).toBe(4);
  expect(mounted.guest.open("deep/../".repeat(half + 1), { rights: readRights })).toBe(-errno.nametoolong);
});

/** Another process that flips `flip` in the mount, a folder with a secret of its own, with a symlink to the outside. */
async function startSwapper(mounted: MountedGuest): Promise<() => Promise<void>> {
  const { sandbox } = mounted;
  mounted.file("flip/secret", "inside");
  mkdirSync(mounted.path("flip/empty"));
  symlinkSync(sandbox.outside, mounted.path("flip-link"));
  const swapper = spawn(
    process.execPath,
    [fileURLToPath(new URL("swapper.ts", import.meta.url)), sandbox.mount],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  await once(swapper.stdout, "data");
  return async () => {
    swapper.stdin.end();
    await once(swapper, "exit");
  };
}

test("escape: a mount swapped between the check of its path and its opening never leads outside", async () => {
  using mounted = fenced();
  const { sandbox } = mounted;
  mkdirSync(join(sandbox.outside, "empty"));
  const stop = await startSwapper(mounted);
  const answers = { inside: 0, outside: 0, refused: 0 };
  for (let i = 0; i < 4_000; i++) {
    for (const path of ["flip", "flip/empty"]) {
      let directory: DirectoryCapability | undefined;
      try {
        directory = openDirectoryCapability(mounted.path(path));
        const within = readlinkSync(`/proc/self/fd/${directory.fd}`).startsWith(sandbox.mount);
        answers[within ? "inside" : "outside"]++;
      } catch {
        answers.refused++;
      } finally {
        directory?.release();
      }
    }
  }
  await stop();
  expect(answers.outside).toBe(0);
  expect(Math.min(answers.inside, answers.refused)).toBeGreaterThan(0);
}, 60_000);

test("escape: a swap race by another process never leads outside", async () => {
  using mounted = fenced();
  const { guest, sandbox } = mounted;
  const stop = await startSwapper(mounted);
  const answers = { inside: 0, outside: 0, refused: 0 };
  const outsideInode = lstatSync(join(sandbox.outside, "secret"), { bigint: true }).ino;
  for (let i = 0; i < 30_000; i++) {
    const fd = guest.open("flip/secret", { rights: readRights });
    if (fd < 0) answers.refused++;
    else if (guest.read(fd) === "inside") answers.inside++;
    else answers.outside++;
    if (fd >= 0) guest.call("fd_close", fd);
    const made = guest.open("flip/made", { flags: openFlag.create | openFlag.exclusive });
    if (made >= 0) guest.call("fd_close", made);
    guest.call("path_unlink_file", 3, "flip/made");
    if (guest.call("path_filestat_get", 3, 1, "flip/secret", guest.out) === 0) {
      if (guest.u64(guest.out + 8) === outsideInode) answers.outside++;
    }
  }
  await stop();
  expect(answers.outside).toBe(0);
  // The race was one: both happened.
  expect(Math.min(answers.inside, answers.refused)).toBeGreaterThan(0);
  expect(readdirSync(sandbox.outside)).toEqual(["secret"]);
  expect(existsSync(join(sandbox.outside, "made"))).toBe(false);
  rmSync(mounted.path("flip"), { recursive: true, force: true });
}, 60_000);
