/** Where a mount is opened, and how long a walk in it may take. */
import { mkdirSync, readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { type DirectoryCapability, openDirectoryCapability } from "../file-system/directory-capability.ts";
import { limits } from "../limits.ts";
import { Fence } from "./fence.ts";
import { Preview1Attacker } from "./preview1-attacker.ts";
import { startSwapper } from "./races.ts";
import { swaps } from "./swaps.ts";

test("a mount swapped between the check of its path and its opening never leads outside", async () => {
  using fence = new Fence();
  const [swap] = swaps;
  if (swap === undefined) throw new Error("there are swaps");
  swap.lay(fence.root);
  const stop = await startSwapper(fence.root, swap);
  const answers = { inside: 0, outside: 0, refused: 0 };
  for (let i = 0; i < 4_000; i++) {
    for (const path of ["swap", "swap/folder"]) {
      let directory: DirectoryCapability | undefined;
      try {
        directory = openDirectoryCapability(join(fence.mount, path));
        const within = readlinkSync(`/proc/self/fd/${directory.fd}`).startsWith(fence.mount);
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

test.each(["", "mount", "/../mount", "//mount", "/proc/self/../..", "/etc/./passwd", "/etc/"])(
  "%j is not opened as a mount: it is no real path",
  (path) => {
    expect(() => openDirectoryCapability(path)).toThrow("it is no real path");
  },
);

test("bounded chains of links and long paths end", async () => {
  using fence = new Fence();
  const long = "dir/../".repeat(120);
  for (let i = 0; i < 60; i++) symlinkSync(`${long}long-${i + 1}`, join(fence.mount, `long-${i}`));
  mkdirSync(join(fence.mount, "deep"));
  const attacker = new Preview1Attacker(fence.mounts);
  const [at = -1] = attacker.mounts;
  expect(await attacker.stat(at, "long-0", true)).toEqual({ ok: false, why: "nametoolong" });
  const half = limits.pathStepsMax / 2;
  expect(await attacker.stat(at, "deep/../".repeat(half), true)).toHaveProperty("ok", true);
  expect(await attacker.stat(at, "deep/../".repeat(half + 1), true)).toEqual({
    ok: false,
    why: "nametoolong",
  });
  expect(await attacker.stat(at, `deep/${"../deep/".repeat(600)}`, true)).toEqual({
    ok: false,
    why: "nametoolong",
  });
  attacker.dispose();
});

test("what leads out is refused with EPERM, as other runtimes refuse it", async () => {
  using fence = new Fence();
  fence.links([
    ["absolute", join(fence.outside, "secret")],
    ["climbing", "../outside/secret"],
    ["up", ".."],
  ]);
  const attacker = new Preview1Attacker(fence.mounts);
  const [at = -1] = attacker.mounts;
  for (const path of [
    "..",
    "../outside/secret",
    "dir/../../x",
    "/etc/passwd",
    "absolute",
    "climbing",
    "up/x",
  ]) {
    expect([path, await attacker.open(at, path, { read: true })]).toEqual([path, { ok: false, why: "perm" }]);
  }
  expect(await attacker.symlink("/etc", at, "link")).toEqual({ ok: false, why: "perm" });
  attacker.dispose();
});
