import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";

import { mayBlock } from "./blocking-mounts.ts";

const table = `22 27 0:21 / /proc rw,relatime - proc proc rw
23 22 0:30 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw
24 27 0:6 / /dev rw,relatime shared:3 - devtmpfs devtmpfs rw,mode=755
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 0:50 / /srv/nfs rw,relatime shared:20 - nfs4 server:/export rw,vers=4.2
41 27 0:51 / /srv/with\\040blank rw - fuse.sshfs host: rw
42 40 254:3 / /srv/nfs/disk rw - xfs /dev/vdc rw
43 27 0:52 / /srv/over rw - nfs server:/other rw
44 43 0:53 / /srv/over rw - tmpfs tmpfs rw
45 27 0:54 / /srv/strange rw - newfs none rw
46 27 0:55 / /home rw master:1 - overlay overlay rw,lowerdir=/a - b
`;

test.each([
  ["the root with a network file system below it", "/", true],
  ["a folder of a local file system", "/var/lib", false],
  ["a folder with a network file system below it", "/srv", true],
  ["a network file system", "/srv/nfs", true],
  ["a folder in it", "/srv/nfs/a/b", true],
  ["a disk mounted in it", "/srv/nfs/disk/a", false],
  ["a folder whose name only begins like one", "/srv/nfs-not", false],
  ["FUSE, with a blank in its name", "/srv/with blank/a", true],
  ["a local file system mounted over a network one", "/srv/over/a", false],
  ["a file system that nobody knows", "/srv/strange", true],
  ["an overlay", "/home/user", false],
  ["a device folder", "/dev/shm", false],
])("mayBlock: %s", (_name, path, expected) => {
  expect(mayBlock(table, path)).toBe(expected);
});

test("mayBlock: the folder for temporary files of this machine is local, by its own table", () => {
  expect(mayBlock(readFileSync("/proc/self/mountinfo", "utf8"), tmpdir())).toBe(false);
});

test("mayBlock: a table that is none is our bug", () => {
  expect(() => mayBlock("nonsense", "/")).toThrow("read the table of mounts");
});
