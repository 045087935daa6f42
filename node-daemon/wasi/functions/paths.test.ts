import { existsSync, lstatSync, mkdirSync, readlinkSync, statSync, symlinkSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";

import { errno, fileType, timesFlag } from "../abi.ts";
import { ThreadBudget } from "../file-system/file-threads.ts";
import type { FileOperations } from "../file-system/operations.ts";
import { ThreadedFiles } from "../file-system/threaded-files.ts";
import { MountedGuest } from "../guest-fixture.ts";

type Arguments = readonly (number | bigint | string | Uint8Array)[];
type Row = readonly [name: string, call: string, args: Arguments, expected: number];

/** file, dir/ (with `in`), empty/, link -> file, dirlink -> dir, dangling -> none, uplink -> .. */
function populated(
  options: { readonly readOnly?: boolean; readonly files?: FileOperations } = {},
): MountedGuest {
  const mounted = new MountedGuest(options);
  mounted.file("file", "text");
  mounted.file("dir/in", "text");
  mkdirSync(mounted.path("empty"));
  symlinkSync("file", mounted.path("link"));
  symlinkSync("dir", mounted.path("dirlink"));
  symlinkSync("none", mounted.path("dangling"));
  symlinkSync("..", mounted.path("uplink"));
  return mounted;
}

const buffer = 65_536;
const out = 1024;

describe("path functions: errno", () => {
  const rows: readonly Row[] = [
    ["mkdir", "path_create_directory", [3, "new"], 0],
    ["mkdir with a slash", "path_create_directory", [3, "new/"], 0],
    ["mkdir through a link", "path_create_directory", [3, "dirlink/new"], 0],
    ["mkdir of what exists", "path_create_directory", [3, "file"], errno.exist],
    ["mkdir over a dangling link", "path_create_directory", [3, "dangling"], errno.exist],
    ["mkdir of the directory itself", "path_create_directory", [3, "."], errno.exist],
    ["mkdir below nothing", "path_create_directory", [3, "none/new"], errno.noent],
    ["mkdir below a file", "path_create_directory", [3, "file/new"], errno.notdir],
    ["mkdir outside", "path_create_directory", [3, "../new"], errno.perm],
    ["mkdir on a stream", "path_create_directory", [1, "new"], errno.notdir],
    ["mkdir on nothing", "path_create_directory", [9, "new"], errno.badf],
    ["rmdir", "path_remove_directory", [3, "empty"], 0],
    ["rmdir with a slash", "path_remove_directory", [3, "empty/"], 0],
    ["rmdir of a full directory", "path_remove_directory", [3, "dir"], errno.notempty],
    ["rmdir of a file", "path_remove_directory", [3, "file"], errno.notdir],
    ["rmdir of a link", "path_remove_directory", [3, "dirlink"], errno.notdir],
    ["rmdir of a link with a slash", "path_remove_directory", [3, "dirlink/"], errno.notdir],
    ["rmdir of a link to outside with a slash", "path_remove_directory", [3, "uplink/"], errno.perm],
    ["rmdir of the directory itself", "path_remove_directory", [3, "."], errno.inval],
    ["rmdir outside", "path_remove_directory", [3, "../outside"], errno.perm],
    ["unlink", "path_unlink_file", [3, "file"], 0],
    ["unlink a link", "path_unlink_file", [3, "dirlink"], 0],
    ["unlink a directory", "path_unlink_file", [3, "empty"], errno.isdir],
    ["unlink a directory with a slash", "path_unlink_file", [3, "empty/"], errno.isdir],
    ["unlink a file with a slash", "path_unlink_file", [3, "file/"], errno.notdir],
    ["unlink nothing", "path_unlink_file", [3, "none"], errno.noent],
    ["unlink nothing with a slash", "path_unlink_file", [3, "none/"], errno.noent],
    ["unlink the directory itself", "path_unlink_file", [3, "."], errno.isdir],
    ["rename a file", "path_rename", [3, "file", 3, "dir/moved"], 0],
    ["rename over a file", "path_rename", [3, "file", 3, "dir/in"], 0],
    ["rename a directory with slashes", "path_rename", [3, "dir/", 3, "moved/"], 0],
    ["rename a directory over an empty one", "path_rename", [3, "dir", 3, "empty"], 0],
    ["rename a directory over a full one", "path_rename", [3, "empty", 3, "dir"], errno.notempty],
    ["rename a directory over a file", "path_rename", [3, "empty", 3, "file"], errno.notdir],
    ["rename a file over a directory", "path_rename", [3, "file", 3, "empty"], errno.isdir],
    ["rename a directory into itself", "path_rename", [3, "dir", 3, "dir/inner"], errno.inval],
    ["rename a file with a slash", "path_rename", [3, "file/", 3, "moved"], errno.notdir],
    ["rename a file to a slash", "path_rename", [3, "file", 3, "moved/"], errno.notdir],
    ["rename nothing", "path_rename", [3, "none", 3, "moved"], errno.noent],
    ["rename the directory itself", "path_rename", [3, ".", 3, "moved"], errno.busy],
    ["rename to outside", "path_rename", [3, "file", 3, "../outside/x"], errno.perm],
    ["rename from outside", "path_rename", [3, "../outside/secret", 3, "x"], errno.perm],
    ["rename to a stream", "path_rename", [3, "file", 1, "x"], errno.notdir],
    ["link", "path_link", [3, 0, "file", 3, "hard"], 0],
    ["link a link itself", "path_link", [3, 0, "dangling", 3, "hard"], 0],
    ["link following", "path_link", [3, 1, "link", 3, "hard"], errno.inval],
    ["link over a file", "path_link", [3, 0, "file", 3, "dir/in"], errno.exist],
    ["link over itself", "path_link", [3, 0, "file", 3, "file"], errno.exist],
    ["link a directory", "path_link", [3, 0, "dir", 3, "hard"], errno.perm],
    ["link to a slash", "path_link", [3, 0, "file", 3, "hard/"], errno.noent],
    ["link a file with a slash", "path_link", [3, 0, "file/", 3, "hard"], errno.notdir],
    ["link from outside", "path_link", [3, 0, "../outside/secret", 3, "hard"], errno.perm],
    ["symlink", "path_symlink", ["file", 3, "sym"], 0],
    ["symlink to nothing", "path_symlink", ["nowhere", 3, "sym"], 0],
    ["symlink over a file", "path_symlink", ["file", 3, "file"], errno.exist],
    ["symlink to a slash", "path_symlink", ["file", 3, "sym/"], errno.noent],
    ["symlink over a directory with a slash", "path_symlink", ["file", 3, "empty/"], errno.exist],
    ["symlink over a file with a slash", "path_symlink", ["x", 3, "file/"], errno.notdir],
    ["symlink to an absolute path", "path_symlink", ["/etc/passwd", 3, "sym"], errno.perm],
    ["symlink to an empty path", "path_symlink", ["", 3, "sym"], errno.noent],
    ["symlink to NUL", "path_symlink", ["a\0b", 3, "sym"], errno.inval],
    ["symlink outside", "path_symlink", ["file", 3, "../sym"], errno.perm],
    ["readlink", "path_readlink", [3, "link", buffer, 100, out], 0],
    ["readlink of a file", "path_readlink", [3, "file", buffer, 100, out], errno.inval],
    ["readlink of a file with a slash", "path_readlink", [3, "file/", buffer, 100, out], errno.notdir],
    ["readlink of a directory", "path_readlink", [3, "dir/", buffer, 100, out], errno.inval],
    ["readlink of nothing", "path_readlink", [3, "none", buffer, 100, out], errno.noent],
    ["readlink into nowhere", "path_readlink", [3, "link", -8, 100, out], errno.fault],
    ["stat", "path_filestat_get", [3, 0, "file", out], 0],
    ["stat of the directory itself", "path_filestat_get", [3, 0, ".", out], 0],
    ["stat of a file with a slash", "path_filestat_get", [3, 0, "file/", out], errno.notdir],
    ["stat of a dangling link itself", "path_filestat_get", [3, 0, "dangling", out], 0],
    ["stat through a dangling link", "path_filestat_get", [3, 1, "dangling", out], errno.noent],
    ["stat of nothing", "path_filestat_get", [3, 0, "none", out], errno.noent],
    ["stat outside", "path_filestat_get", [3, 0, "../outside/secret", out], errno.perm],
    ["stat into nowhere", "path_filestat_get", [3, 0, "file", -8], errno.fault],
    ["times", "path_filestat_set_times", [3, 0, "file", 1n, 2n, timesFlag.mtime], 0],
    ["times of nothing", "path_filestat_set_times", [3, 0, "none", 1n, 2n, timesFlag.mtime], errno.noent],
    ["times twice", "path_filestat_set_times", [3, 0, "file", 1n, 2n, 3], errno.inval],
    ["times with unknown flags", "path_filestat_set_times", [3, 0, "file", 1n, 2n, 16], errno.inval],
  ];

  test.each(rows)("%s", (_name, call, args, expected) => {
    using mounted = populated();
    expect(mounted.guest.call(call, ...args)).toBe(expected);
    expect(mounted.sandbox.host.bugs).toEqual([]);
  });

  const threaded = new ThreadedFiles(new ThreadBudget());
  afterAll(() => threaded.end());

  test.each(rows)("on a file system that may block: %s", async (_name, call, args, expected) => {
    using mounted = populated({ files: threaded });
    expect(await mounted.guest.invoke(call, ...args)).toBe(expected);
    expect(mounted.sandbox.host.bugs).toEqual([]);
  });

  const changing = rows.filter(
    ([, call, , expected]) => expected === 0 && !["path_readlink", "path_filestat_get"].includes(call),
  );
  test.each(changing)("read-only mount: %s is EROFS", (_name, call, args) => {
    using mounted = populated({ readOnly: true });
    expect(mounted.guest.call(call, ...args)).toBe(errno.rofs);
  });
});

test("path_rename, path_link, path_symlink: happen where the paths say", () => {
  using mounted = populated();
  const { guest } = mounted;
  guest.call("path_rename", 3, "file", 3, "dirlink/moved");
  guest.call("path_link", 3, 0, "dir/moved", 3, "hard");
  guest.call("path_symlink", "../hard", 3, "dir/sym");
  expect(existsSync(mounted.path("file"))).toBe(false);
  expect(mounted.text("dir/moved")).toBe("text");
  expect(statSync(mounted.path("hard")).ino).toBe(statSync(mounted.path("dir/moved")).ino);
  expect(readlinkSync(mounted.path("dir/sym"))).toBe("../hard");
});

test("path_readlink: truncates to the buffer and leaves the rest alone", () => {
  using mounted = populated();
  const { guest } = mounted;
  guest.bytes(buffer, 8).fill(7);
  expect(guest.call("path_readlink", 3, "link", buffer, 2, out)).toBe(0);
  expect([guest.u32(out), guest.bytes(buffer, 3).toString()]).toEqual([2, "fi\u0007"]);
});

test("path_filestat_get: tells inode, type, links, size and times to the nanosecond", () => {
  using mounted = populated();
  const { guest } = mounted;
  const stat = statSync(mounted.path("file"), { bigint: true });
  guest.call("path_filestat_get", 3, 1, "link", out);
  const at = (offset: number) => guest.u64(out + offset);
  expect(guest.view.getUint8(out + 16)).toBe(fileType.regularFile);
  expect([at(0), at(8), at(24), at(32), at(40), at(48), at(56)]).toEqual([
    stat.dev,
    stat.ino,
    stat.nlink,
    stat.size,
    stat.atimeNs,
    stat.mtimeNs,
    stat.ctimeNs,
  ]);
  guest.call("path_filestat_get", 3, 0, "link", out);
  expect(guest.view.getUint8(out + 16)).toBe(fileType.symbolicLink);
});

test("path_filestat_set_times: exact, of the link itself or of what it leads to", () => {
  using mounted = populated();
  const { guest, sandbox } = mounted;
  const mtime = (name: string) => lstatSync(mounted.path(name), { bigint: true }).mtimeNs;
  const atime = (name: string) => lstatSync(mounted.path(name), { bigint: true }).atimeNs;
  const before = mtime("file");
  const exact = 1_712_345_678_123_456_789n;
  guest.call("path_filestat_set_times", 3, 0, "link", exact, exact + 1n, timesFlag.atime | timesFlag.mtime);
  expect([atime("link"), mtime("link"), mtime("file")]).toEqual([exact, exact + 1n, before]);
  guest.call("path_filestat_set_times", 3, 1, "link", 0n, exact - 1n, timesFlag.mtime | timesFlag.atimeNow);
  expect([mtime("file"), atime("file")]).toEqual([exact - 1n, sandbox.host.realtimeNs]);
});
