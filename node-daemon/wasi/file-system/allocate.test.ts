import { fstatSync, statSync } from "node:fs";
import { expect, test } from "vitest";

import { errno } from "../abi.ts";
import { MountedGuest } from "../guest-fixture.ts";
import { limits } from "../limits.ts";
import { localFiles } from "./local-files.ts";

const step = BigInt(limits.allocateBytesPerStep);

function newFile(mounted: MountedGuest): number {
  const directory = mounted.sandbox.capability(mounted.sandbox.mount);
  const opened = localFiles.open(directory.fd, {
    path: "file",
    followSymlink: false,
    openFlags: 1,
    fdFlags: 0,
    read: true,
    write: true,
  });
  if (typeof opened === "number") throw new Error(`opening was refused with ${opened}`);
  return opened.fd;
}

test("allocate: a little is reserved at once, much in steps with turns for the neighbours", async () => {
  using mounted = new MountedGuest();
  const fd = newFile(mounted);
  expect(localFiles.allocate(fd, 10n, step)).toBe(0);
  expect(fstatSync(fd, { bigint: true }).size).toBe(step + 10n);
  const reserving = localFiles.allocate(fd, 5n, 3n * step);
  expect(reserving).toBeInstanceOf(Promise);
  expect(fstatSync(fd, { bigint: true }).size).toBeLessThan(3n * step);
  expect(await reserving).toBe(0);
  expect(fstatSync(fd, { bigint: true }).size).toBe(3n * step + 5n);
  localFiles.close(fd);
});

test("allocate: when its guest is killed it stops, and the file is closed only then", async () => {
  using mounted = new MountedGuest();
  const fd = newFile(mounted);
  const reserving = localFiles.allocate(fd, 0n, 100n * step);
  localFiles.close(fd);
  expect(fstatSync(fd).isFile()).toBe(true);
  expect(await reserving).toBe(errno.intr);
  expect(() => fstatSync(fd)).toThrow("EBADF");
  expect(statSync(mounted.path("file"), { bigint: true }).size).toBeLessThan(100n * step);
});

test("allocate: a guest is suspended meanwhile", async () => {
  using mounted = new MountedGuest();
  const { guest } = mounted;
  const fd = guest.open("file", { flags: 1 });
  expect(guest.call("fd_allocate", fd, 0n, 10n)).toBe(0);
  const reserving = guest.invoke("fd_allocate", fd, 0n, 2n * step);
  expect(reserving).toBeInstanceOf(Promise);
  expect(await reserving).toBe(0);
});
