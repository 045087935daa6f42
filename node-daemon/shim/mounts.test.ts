import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import type { MountPoint } from "../runtimes/runtime-driver.ts";
import { TestNode } from "../runtimes/v8/test-driver.ts";
import { FuseMount } from "../wasi/file-system/fuse-fixture.ts";
import { guests } from "./test-guests.ts";

const mounted = (hostPath: string, more: Partial<MountPoint> = {}): { readonly mounts: [MountPoint] } => ({
  mounts: [{ guestPath: "/data", hostPath, readOnly: false, ...more }],
});

test("a file system that hangs: its instances are started and killed, and the others run", async ({
  skip,
}) => {
  await using fuse = await FuseMount.mount(skip);
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const once = await node.prepared(driver, guests.printsFile("file"));
  const again = await node.prepared(driver, guests.printsFileAgain("file", 1));
  const hello = await node.prepared(driver, guests.hello("hello\n"));
  driver.start(node.spec("once", once, mounted(fuse.folder)));
  expect(await told.endOf("once")).toEqual({ kind: "exited", exitCode: 0 });
  expect(node.log("once")).toContain("stdout P from");

  driver.start(node.spec("again", again, mounted(fuse.folder)));
  await told.hasStarted(2);
  await fuse.hang();
  // This one hangs while its mount is opened.
  driver.start(node.spec("late", once, mounted(fuse.folder)));
  driver.start(node.spec("hello", hello));
  expect(await told.endOf("hello")).toEqual({ kind: "exited", exitCode: 0 });
  for (const uid of ["again", "late"]) {
    driver.stop(uid, 0);
    expect(await told.endOf(uid)).toEqual({ kind: "stopped" });
  }
  driver.start(node.spec("hello-again", hello));
  expect(await told.endOf("hello-again")).toEqual({ kind: "exited", exitCode: 0 });
  await fuse.goOn();
  driver.start(node.spec("once-more", once, mounted(fuse.folder)));
  expect(await told.endOf("once-more")).toEqual({ kind: "exited", exitCode: 0 });
}, 60_000);

test("a mount with a bound: is measured first, and shared by those who mount it", async () => {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const module = await node.prepared(driver, guests.printsFile("file"));
  const folder = join(node.folder, "data");
  mkdirSync(folder);
  writeFileSync(join(folder, "file"), "text");
  const spec = { ...mounted(folder, { sizeBytesMax: 1_000 }) };
  driver.start(node.spec("one", module, spec));
  driver.start(node.spec("other", module, spec));
  expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode: 0 });
  expect(await told.endOf("other")).toEqual({ kind: "exited", exitCode: 0 });
  expect(node.log("one")).toContain("text");
});

test("a mount that can't be opened is refused, and says why", async () => {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const module = await node.prepared(driver, guests.printsFile("file"));
  symlinkSync("/", join(node.folder, "link"));
  driver.start(node.spec("gone", module, mounted(join(node.folder, "gone"))));
  driver.start(node.spec("link", module, mounted(join(node.folder, "link"))));
  driver.start(node.spec("proc", module, mounted("/proc")));
  const refused = { kind: "refused", reason: "MountFailed" };
  expect(await told.endOf("gone")).toMatchObject({ ...refused, retryable: true });
  expect(await told.endOf("link")).toMatchObject({
    ...refused,
    message: expect.stringContaining("symlink") as string,
  });
  expect(await told.endOf("proc")).toMatchObject({ ...refused, retryable: false });
});
