import { execFileSync } from "node:child_process";
import { closeSync, constants, existsSync, openSync, readdirSync, readSync, writeSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import type { Attacker, Handle, MakeAttacker, OpenHow } from "./attacker.ts";
import { Fence, secret } from "./fence.ts";
import { must, refused } from "./scenes.ts";

const everyHow: readonly OpenHow[] = [
  { read: true },
  { write: true },
  { read: true, write: true },
  { write: true, append: true },
  { write: true, truncate: true },
  { write: true, create: true },
  { read: true, directory: true },
  { read: true, follow: false },
  {},
];

async function neverOpens(attacker: Attacker, at: Handle, path: string): Promise<void> {
  for (const how of everyHow) {
    const reply = await attacker.open(at, path, how);
    expect([path, how, reply]).toEqual([path, how, { ok: false, why: expect.any(String) }]);
  }
}

async function withAttacker(
  make: MakeAttacker,
  hostPaths: readonly string[],
  play: (attacker: Attacker, ...mounts: Handle[]) => Promise<void>,
): Promise<void> {
  const mounts = hostPaths.map((hostPath, index) => ({ guestPath: `/m${index}`, hostPath, readOnly: false }));
  const attacker = await make(mounts);
  try {
    await play(attacker, ...attacker.mounts);
  } finally {
    await attacker.dispose();
  }
}

function describePipes(make: MakeAttacker): void {
  test("a FIFO is neither opened nor waited for, and gives and takes nothing", async () => {
    using fence = new Fence();
    const pipe = join(fence.mount, "pipe");
    execFileSync("mkfifo", [pipe]);
    // With both ends open nobody waits: what is written stays until someone takes it.
    const ends = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    try {
      writeSync(ends, secret);
      await withAttacker(make, [fence.mount], async (attacker, at = -1) => {
        await neverOpens(attacker, at, "pipe");
        await must(attacker.link(at, "pipe", false, at, "dir/pipe"));
        await neverOpens(attacker, at, "dir/pipe");
        await must(attacker.rename(at, "dir/pipe", at, "moved"));
        await neverOpens(attacker, at, "moved");
        await must(attacker.symlink("pipe", at, "link"));
        await neverOpens(attacker, at, "link");
        expect((await must(attacker.stat(at, "pipe", true))).isDirectory).toBe(false);
      });
      const left = Buffer.alloc(100);
      expect(left.toString("utf8", 0, readSync(ends, left))).toBe(secret);
    } finally {
      closeSync(ends);
    }
  });

  test("a FIFO without another end is not waited for", async () => {
    using fence = new Fence();
    execFileSync("mkfifo", [join(fence.mount, "pipe")]);
    await withAttacker(make, [fence.mount], (attacker, at = -1) => neverOpens(attacker, at, "pipe"));
  });

  test("a Unix socket is not connected to", async () => {
    using fence = new Fence();
    let connections = 0;
    const server = await listening(join(fence.mount, "socket"), () => connections++);
    try {
      await withAttacker(make, [fence.mount], async (attacker, at = -1) => {
        await neverOpens(attacker, at, "socket");
        await must(attacker.rename(at, "socket", at, "moved"));
        await neverOpens(attacker, at, "moved");
      });
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    expect(connections).toBe(0);
  });
}

function listening(path: string, onConnection: () => void): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer(onConnection);
    server.listen(path, () => resolve(server));
  });
}

/** Of /dev. Every Linux has the first five. */
const devices =
  "null zero full random urandom tty ptmx console kmsg mem kvm fuse stdin stdout stderr fd fd/0 fd/1 pts pts/0".split(
    " ",
  );

function describeDevices(make: MakeAttacker): void {
  test("a mount of /dev opens no device, and nothing of the process that hosts it", async () => {
    await withAttacker(make, ["/dev"], async (attacker, at = -1) => {
      // Creating is left out: where a name is missing it would be made.
      const hows = everyHow.filter(({ create }) => create !== true);
      for (const path of devices) for (const how of hows) await refused(attacker.open(at, path, how));
    });
  });

  test("devices of the guest's own mount are not opened, where this user can make some", async () => {
    using fence = new Fence();
    try {
      execFileSync("mknod", [join(fence.mount, "null"), "c", "1", "3"], { stdio: "ignore" });
      execFileSync("mknod", [join(fence.mount, "loop"), "b", "7", "0"], { stdio: "ignore" });
    } catch {
      // Not allowed here: /dev has some.
    }
    await withAttacker(make, [fence.mount], async (attacker, at = -1) => {
      for (const path of readdirSync(fence.mount).filter((name) => name === "null" || name === "loop")) {
        await neverOpens(attacker, at, path);
        await must(attacker.rename(at, path, at, "dir/device"));
        await neverOpens(attacker, at, "dir/device");
        await must(attacker.unlink(at, "dir/device"));
      }
    });
  });
}

/** Below the host's root. */
const kernelPaths = [
  "proc/self/environ",
  "proc/self/mem",
  "proc/self/maps",
  "proc/self/exe",
  "proc/self/cwd/package.json",
  "proc/self/root/etc/passwd",
  "proc/self/fd/0",
  "proc/self/task",
  "proc/thread-self/environ",
  `proc/${process.pid}/mem`,
  `proc/${process.pid}/environ`,
  `proc/${process.ppid}/environ`,
  "proc/1/root/etc/passwd",
  "proc/1/cmdline",
  "proc/sys/kernel/hostname",
  "proc/cmdline",
  "proc/version",
  "sys/kernel",
  "sys/class/net",
  "sys/fs/cgroup/memory",
  "dev/../proc/self/environ",
  "dev/pts/0",
];

function describeKernel(make: MakeAttacker): void {
  test("a mount of the host's root opens, lists, reads, stats and changes nothing of /proc and /sys", async () => {
    await withAttacker(make, ["/"], async (attacker, at = -1) => {
      for (const path of kernelPaths) {
        for (const how of everyHow) await refused(attacker.open(at, path, how));
        await refused(attacker.stat(at, path, true));
        await refused(attacker.stat(at, path, false));
        await refused(attacker.readlink(at, path));
        await refused(attacker.setTimes(at, path, false, 1n));
        await refused(attacker.createDirectory(at, `${path}/wherry-escape`));
        await refused(attacker.link(at, path, false, at, "tmp/wherry-escape"));
        await refused(attacker.rename(at, path, at, "tmp/wherry-escape"));
      }
      for (const path of ["proc", "sys", "dev/pts"]) {
        await refused(attacker.open(at, path, { read: true, directory: true }));
        await refused(attacker.createDirectory(at, `${path}/wherry-escape`));
        await refused(attacker.symlink("x", at, `${path}/wherry-escape`));
      }
    });
    expect(existsSync("/tmp/wherry-escape")).toBe(false);
  });

  test("a path tells nothing of processes: those that are there look like those that are not", async () => {
    await withAttacker(make, ["/"], async (attacker, at = -1) => {
      for (const entry of ["", "/", "/exe", "/fd/0", "/status", "/root/etc"]) {
        const told: unknown[] = [];
        for (const pid of [process.pid, process.ppid, 4_194_305]) {
          told.push([
            await attacker.stat(at, `proc/${pid}${entry}`, true),
            await attacker.open(at, `proc/${pid}${entry}`, { read: true }),
            await attacker.readlink(at, `proc/${pid}${entry}`),
          ]);
        }
        expect(told[0], entry).toEqual(told[2]);
        expect(told[1], entry).toEqual(told[2]);
      }
    });
  });

  test.each(["/proc", "/proc/self", `/proc/${process.pid}/fd`, "/sys", "/dev/pts"])(
    "a mount of %s is refused",
    async (hostPath) => {
      await expect(async () => await make([{ guestPath: "/", hostPath, readOnly: true }])).rejects.toThrow(
        /kernel interface|no directory/,
      );
    },
  );
}

export function describeKernelObjects(title: string, make: MakeAttacker): void {
  describe(`escape through ${title} by what is no file`, () => {
    describePipes(make);
    describeDevices(make);
    describeKernel(make);
  });
}
