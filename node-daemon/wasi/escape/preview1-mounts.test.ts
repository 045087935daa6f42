/** The ways and races once more, through the other kinds of mounts: with a bounded size, and on file systems that may block. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { DirectoryCapability, openMount } from "../file-system/directory-capability.ts";
import { DiskQuota } from "../file-system/disk-quota.ts";
import { ThreadBudget } from "../file-system/file-threads.ts";
import { localFiles } from "../file-system/local-files.ts";
import { ThreadedFiles } from "../file-system/threaded-files.ts";
import { Fence } from "./fence.ts";
import { Preview1Attacker } from "./preview1-attacker.ts";
import { race } from "./races.ts";
import { describeWays } from "./suite.ts";
import { swaps } from "./swaps.ts";
import { ways } from "./ways.ts";

function openBounded(hostPath: string): DirectoryCapability {
  const root = openMount(hostPath).fd;
  const quota = new DiskQuota({ files: localFiles, root, bytesMax: 10_000_000, monotonic: () => 0 });
  // Local files are measured at once.
  void quota.begin();
  return new DirectoryCapability(root, quota);
}

/** One for all: threads take a while to start. */
const threaded = new ThreadedFiles(new ThreadBudget(2));
const openThreaded = (hostPath: string) => new DirectoryCapability(openMount(hostPath).fd, threaded);

const kinds = [
  { kind: "bounded mounts", open: openBounded },
  { kind: "mounts that may block", open: openThreaded },
] as const;

beforeAll(async () => {
  using fence = new Fence();
  const { fd } = openMount(fence.mount);
  await Promise.all(Array.from({ length: 20 }, () => threaded.statAt(fd, "file", true)));
  threaded.close(fd);
});

afterAll(() => threaded.end());

/** One of each family: what finds the way is the same for all mounts. */
const some = ways.filter((_, index) => index % 6 === 0);

describe.each(kinds)("$kind", ({ kind, open }) => {
  describeWays(`preview 1 and ${kind}`, (mounts) => new Preview1Attacker(mounts, open), some);

  test("another process swaps a directory and a link to the outside", async () => {
    const [swap] = swaps;
    if (swap === undefined) throw new Error("there are swaps");
    const result = await race((mounts) => new Preview1Attacker(mounts, open), swap, 3_000);
    expect(result.escapes).toEqual([]);
    expect(Math.min(result.inside, result.refused)).toBeGreaterThan(0);
  }, 60_000);
});
