import { renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import type { AttackedMount, Attacker, Handle, MakeAttacker, Replied, Reply } from "./attacker.ts";
import { Fence, inodesIn, stateOf } from "./fence.ts";
import { expectNothingLearnt, openDescriptors } from "./suite.ts";

interface Stage {
  readonly fence: Fence;
  readonly attacker: Attacker;
  /** The first three mounts: writable, writable, read-only. */
  readonly mount: Handle;
  readonly other: Handle;
  readonly fixed: Handle;
}

export async function must<T>(replied: Replied<T>): Promise<T> {
  const reply = await replied;
  if (!reply.ok) throw new Error(`refused with ${reply.why}`);
  return reply.value;
}

/** Fails unless the guest was refused. */
export async function refused(replied: Replied<unknown>): Promise<void> {
  expect(await replied).toEqual({ ok: false, why: expect.any(String) });
}

/** What reaches out of a directory by its parent: all of it is refused, wherever that directory is by now. */
async function tryParents({ attacker, fence }: Stage, directory: Handle): Promise<void> {
  const inodes = inodesIn(fence.outside);
  for (const way of [
    "..",
    "../outside",
    "../outside/secret",
    "../secret",
    "../file",
    "../../outside/secret",
  ]) {
    const replies: Reply<unknown>[] = [
      await attacker.open(directory, way, { read: true }),
      await attacker.open(directory, way, { write: true, create: true, truncate: true }),
      await attacker.open(directory, way, { read: true, directory: true }),
      await attacker.stat(directory, way, true),
      await attacker.setTimes(directory, way, false, 1n),
      await attacker.createDirectory(directory, `${way}/new`),
      await attacker.unlink(directory, way),
      await attacker.removeDirectory(directory, way),
      await attacker.rename(directory, "file", directory, way),
      await attacker.rename(directory, way, directory, "taken"),
      await attacker.link(directory, "file", false, directory, `${way}/new`),
      await attacker.symlink("file", directory, `${way}/new`),
      await attacker.readlink(directory, way),
    ];
    for (const reply of replies) {
      expectNothingLearnt(way, reply, inodes);
      expect([way, reply]).toEqual([way, { ok: false, why: expect.any(String) }]);
    }
  }
}

type Scene = (stage: Stage) => Promise<void>;

const directory = { read: true, directory: true };

/** Descriptors of directories that are moved while they are open. */
const moves: readonly (readonly [name: string, play: Scene])[] = [
  [
    "a directory that is moved out of the mount",
    async (stage) => {
      const { attacker, mount, fence } = stage;
      const open = await must(attacker.open(mount, "dir", directory));
      renameSync(join(fence.mount, "dir"), join(fence.root, "moved"));
      await tryParents(stage, open);
      expect(await must(attacker.list(open))).toEqual(["file", "sub"]);
      renameSync(join(fence.root, "moved"), join(fence.mount, "dir"));
    },
  ],
  [
    "a directory's directory that is moved out of the mount",
    async (stage) => {
      const { attacker, mount, fence } = stage;
      const open = await must(attacker.open(mount, "dir/sub", directory));
      renameSync(join(fence.mount, "dir/sub"), join(fence.root, "moved"));
      await tryParents(stage, open);
      renameSync(join(fence.root, "moved"), join(fence.mount, "dir/sub"));
    },
  ],
  [
    "a directory that was opened through ..",
    async (stage) => {
      const { attacker, mount } = stage;
      await tryParents(stage, await must(attacker.open(mount, "dir/..", directory)));
      await tryParents(stage, await must(attacker.open(mount, "dir/sub/..", directory)));
      await tryParents(stage, await must(attacker.open(mount, ".", directory)));
    },
  ],
  [
    "a directory that the guest moves into its own directory",
    async ({ attacker, mount }) => {
      const open = await must(attacker.open(mount, "dir/sub", directory));
      await refused(attacker.rename(mount, "dir", mount, "dir/sub/dir"));
      await refused(attacker.rename(mount, "dir", open, "dir"));
      await refused(attacker.rename(open, ".", mount, "sub"));
      await refused(attacker.rename(mount, ".", open, "top"));
      await refused(attacker.rename(mount, "dir/..", open, "top"));
    },
  ],
  [
    "a directory that the guest moves to another mount",
    async (stage) => {
      const { attacker, mount, other } = stage;
      const open = await must(attacker.open(mount, "dir/sub", directory));
      await must(attacker.rename(mount, "dir/sub", other, "sub"));
      await tryParents(stage, open);
      await tryParents(stage, await must(attacker.open(other, "sub", directory)));
      await refused(attacker.rename(other, "sub", stage.fixed, "sub"));
    },
  ],
  [
    "a directory that is replaced by a link",
    async (stage) => {
      const { attacker, mount, fence } = stage;
      const open = await must(attacker.open(mount, "dir", directory));
      await must(attacker.list(open));
      renameSync(join(fence.mount, "dir"), join(fence.mount, "away"));
      symlinkSync(fence.outside, join(fence.mount, "dir"));
      expect(await must(attacker.list(open))).toEqual(["file", "sub"]);
      await tryParents(stage, open);
      await refused(attacker.open(mount, "dir", directory));
    },
  ],
  [
    "a directory that is removed",
    async (stage) => {
      const { attacker, mount } = stage;
      await must(attacker.createDirectory(mount, "gone"));
      const open = await must(attacker.open(mount, "gone", directory));
      await must(attacker.removeDirectory(mount, "gone"));
      await tryParents(stage, open);
      await refused(attacker.open(open, "new", { write: true, create: true }));
      await refused(attacker.createDirectory(open, "new"));
      await refused(attacker.symlink("file", open, "new"));
      await refused(attacker.link(mount, "file", false, open, "new"));
    },
  ],
  [
    "directories that change places",
    async (stage) => {
      const { attacker, mount, fence } = stage;
      const upper = await must(attacker.open(mount, "dir", directory));
      const lower = await must(attacker.open(mount, "dir/sub", directory));
      renameSync(join(fence.mount, "dir/sub"), join(fence.mount, "sub"));
      renameSync(join(fence.mount, "dir"), join(fence.mount, "sub/dir"));
      await tryParents(stage, upper);
      await tryParents(stage, lower);
    },
  ],
  [
    "a file that is moved out of the mount while it is open",
    async ({ attacker, mount, fence }) => {
      const open = await must(attacker.open(mount, "file", { read: true }));
      renameSync(join(fence.mount, "file"), join(fence.root, "moved"));
      symlinkSync(join(fence.outside, "secret"), join(fence.mount, "file"));
      expect(await must(attacker.read(open))).toBe("inside");
      await refused(attacker.open(mount, "file", { read: true }));
      renameSync(join(fence.root, "moved"), join(fence.mount, "file"));
    },
  ],
];

/** Everything that changes something, tried in a directory that has `dir/file` and `file`. */
async function tryChanges(attacker: Attacker, at: Handle, writable: Handle): Promise<void> {
  const attempts: readonly (() => Replied<unknown>)[] = [
    () => attacker.open(at, "file", { write: true }),
    () => attacker.open(at, "file", { read: true, write: true }),
    () => attacker.open(at, "file", { write: true, append: true }),
    () => attacker.open(at, "file", { write: true, truncate: true }),
    () => attacker.open(at, "file", { read: true, truncate: true }),
    () => attacker.open(at, "file", { truncate: true }),
    () => attacker.open(at, "file", { read: true, create: true }),
    () => attacker.open(at, "new", { read: true, create: true }),
    () => attacker.open(at, "new", { write: true, create: true, exclusive: true }),
    () => attacker.setTimes(at, "file", true, 1n),
    () => attacker.setTimes(at, "file", false, 1n),
    () => attacker.setTimes(at, ".", false, 1n),
    () => attacker.createDirectory(at, "new"),
    () => attacker.removeDirectory(at, "empty"),
    () => attacker.unlink(at, "file"),
    () => attacker.symlink("file", at, "new"),
    () => attacker.rename(at, "file", at, "new"),
    () => attacker.rename(at, "file", writable, "taken"),
    () => attacker.rename(writable, "file", at, "file"),
    () => attacker.rename(writable, "dir", at, "new"),
    () => attacker.link(at, "file", false, at, "new"),
    () => attacker.link(at, "file", false, writable, "taken"),
    () => attacker.link(at, "file", true, writable, "taken"),
    () => attacker.link(writable, "file", false, at, "new"),
  ];
  for (const attempt of attempts) await refused(attempt());
  for (const path of ["file", "."]) {
    const open = await must(attacker.open(at, path, { read: true }));
    await refused(attacker.write(open, "written"));
    await refused(attacker.setSize(open, 0n));
    await refused(attacker.setHandleTimes(open, 1n));
    await must(attacker.close(open));
  }
}

const fixed: readonly (readonly [name: string, play: Scene])[] = [
  [
    "a read-only mount stays as it is",
    async ({ attacker, mount, fixed, fence }) => {
      fence.file(join(fence.fixed, "empty/x"), "");
      const before = stateOf(fence.fixed);
      await tryChanges(attacker, fixed, mount);
      await tryChanges(attacker, await must(attacker.open(fixed, ".", directory)), mount);
      expect(stateOf(fence.fixed)).toEqual(before);
    },
  ],
  [
    "so does a directory that was opened below it",
    async ({ attacker, mount, fixed, fence }) => {
      fence.file(join(fence.fixed, "dir/dir/file"), "fixed");
      const before = stateOf(fence.fixed);
      const open = await must(attacker.open(fixed, "dir", directory));
      await tryChanges(attacker, open, mount);
      await tryChanges(attacker, await must(attacker.open(open, "dir/..", directory)), mount);
      expect(stateOf(fence.fixed)).toEqual(before);
    },
  ],
  [
    "a file opened for reading in a writable mount is not written",
    async ({ attacker, mount }) => {
      const open = await must(attacker.open(mount, "file", { read: true }));
      await refused(attacker.write(open, "written"));
      expect(await must(attacker.read(open))).toBe("inside");
    },
  ],
  [
    "a file opened for writing only is not read",
    async ({ attacker, mount }) => {
      const open = await must(attacker.open(mount, "file", { write: true }));
      await refused(attacker.read(open));
    },
  ],
];

/** Mounts that share folders. */
async function withMounts(
  make: MakeAttacker,
  mountsOf: (fence: Fence) => readonly AttackedMount[],
  play: (attacker: Attacker, fence: Fence) => Promise<void>,
): Promise<void> {
  using fence = new Fence();
  const before = stateOf(fence.outside);
  const attacker = await make(mountsOf(fence));
  try {
    await play(attacker, fence);
  } finally {
    await attacker.dispose();
  }
  expect(stateOf(fence.outside)).toEqual(before);
}

function describeOverlaps(make: MakeAttacker): void {
  test("the same folder, writable and read-only: the read-only one stays read-only", async () => {
    await withMounts(
      make,
      ({ mount }) => [
        { guestPath: "/w", hostPath: mount, readOnly: false },
        { guestPath: "/r", hostPath: mount, readOnly: true },
      ],
      async (attacker, fence) => {
        const [writable = -1, readable = -1] = attacker.mounts;
        const before = stateOf(fence.mount);
        await tryChanges(attacker, readable, writable);
        expect(stateOf(fence.mount)).toEqual(before);
        await must(attacker.rename(writable, "file", writable, "moved"));
        expect((await attacker.open(readable, "moved", { read: true })).ok).toBe(true);
      },
    );
  });

  test("a mount in a mount: the inner is the top of its own, and read-only if it is said to be", async () => {
    await withMounts(
      make,
      ({ mount }) => [
        { guestPath: "/", hostPath: mount, readOnly: false },
        { guestPath: "/dir", hostPath: join(mount, "dir"), readOnly: true },
      ],
      async (attacker, fence) => {
        const [outer = -1, inner = -1] = attacker.mounts;
        fence.file(join(fence.mount, "dir/dir/file"), "inside");
        const before = stateOf(join(fence.mount, "dir"));
        await refused(attacker.open(inner, "../file", { read: true }));
        await refused(attacker.rename(inner, "file", outer, "taken"));
        await tryChanges(attacker, inner, outer);
        expect(stateOf(join(fence.mount, "dir"))).toEqual(before);
      },
    );
  });

  test("a mount in a mount: moved by way of the outer one it has no parent", async () => {
    await withMounts(
      make,
      ({ mount }) => [
        { guestPath: "/", hostPath: mount, readOnly: false },
        { guestPath: "/sub", hostPath: join(mount, "dir/sub"), readOnly: false },
      ],
      async (attacker, fence) => {
        const [outer = -1, inner = -1] = attacker.mounts;
        await must(attacker.rename(outer, "dir/sub", outer, "sub"));
        await tryParents({ attacker, fence, mount: outer, other: outer, fixed: outer }, inner);
        await refused(attacker.rename(outer, "dir", inner, "../dir"));
        await must(attacker.rename(outer, "dir", inner, "dir"));
        await refused(attacker.rename(outer, "sub", inner, "dir/sub"));
      },
    );
  });
}

export function describeScenes(title: string, make: MakeAttacker): void {
  describe(`escape through ${title} by descriptors`, () => {
    test.each([...moves, ...fixed])("%s", async (_name, play) => {
      using fence = new Fence();
      const before = stateOf(fence.outside);
      const open = openDescriptors();
      const attacker = await make(fence.mounts);
      try {
        const [mount = -1, other = -1, fixed = -1] = attacker.mounts;
        await play({ fence, attacker, mount, other, fixed });
      } finally {
        await attacker.dispose();
      }
      expect(stateOf(fence.outside)).toEqual(before);
      expect(openDescriptors()).toBe(open);
    });
    describeOverlaps(make);
  });
}
