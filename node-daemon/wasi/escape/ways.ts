import { closeSync, linkSync, mkdirSync, openSync, renameSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";

import type { Attacker, Handle } from "./attacker.ts";
import type { Fence } from "./fence.ts";

/** Test support: a way to name something outside of a mount. */
export interface Way {
  readonly name: string;
  /** Lays what leads there, on the host's side; a returned function takes it away again. */
  lay?(fence: Fence, target: string): void | (() => void);
  /** As above, by the guest itself; what it is refused counts as laid. */
  make?(attacker: Attacker, at: Handle, target: string): Promise<void>;
  /** What leads to `target` (a name in the folder `outside`) from the mount's top. */
  path(target: string, fence: Fence): string;
}

type Links = readonly (readonly [name: string, target: string])[];

const named = (name: string, path: Way["path"]): Way => ({ name, path });

/** By links that the host has laid; `absent` in a target stands for the name outside. */
function linked(name: string, path: Way["path"], links: (target: string, fence: Fence) => Links): Way {
  return { name, lay: (fence, target) => fence.links(links(target, fence)), path };
}

const outside = (target: string) => `../outside/${target}`;
const up = (steps: number) => "../".repeat(steps);
/** A host path without its slash, to be put behind a way to the root. */
const fromRoot = (fence: Fence, target: string) => join(fence.outside, target).slice(1);

/** Path components alone. */
const plain: readonly Way[] = [
  named("..", outside),
  named(".. after a directory", (target) => `dir/../../outside/${target}`),
  named(".. after two directories", (target) => `dir/sub/../../../outside/${target}`),
  named(".. after a file", (target) => `file/../../outside/${target}`),
  named(".. after something missing", (target) => `missing/../../outside/${target}`),
  named(".. hidden by dots", (target) => `./.././outside/./${target}`),
  named(".. hidden by empty components", (target) => `dir//..//..//outside//${target}`),
  named(".. behind an empty first component", (target) => `.//../outside/${target}`),
  named(".. out and in and out again", (target) => `../mount/../outside/${target}`),
  named(".. out and in, and out from deeper", (target) => `../mount/dir/../../outside/${target}`),
  named(".. as the last component", (target) => `../outside/folder/../${target}`),
  named(".. and a slash at the end", (target) => `../outside/${target}/`),
  named(".. and a dot at the end", (target) => `../outside/${target}/.`),
  named("forty ..", (target, fence) => `${up(40)}${fromRoot(fence, target)}`),
  named("six hundred .. behind a directory", (target) => `${"dir/../".repeat(600)}../outside/${target}`),
  named(".. behind 255 steps", (target) => `${"dir/../".repeat(254)}../outside/${target}`),
  named(".. behind a name of 300 bytes", (target) => `${"n".repeat(300)}/../../outside/${target}`),
  named(".. into the other mount and out of it", (target) => `../other/../outside/${target}`),
  named("an absolute path", (target, fence) => join(fence.outside, target)),
  named("an absolute path with two slashes", (target, fence) => `/${join(fence.outside, target)}`),
  named("an absolute path that begins with dots", (target, fence) => `/./..${join(fence.outside, target)}`),
  named("an absolute path through the mount", (target, fence) => `${fence.mount}/../outside/${target}`),
  named("an absolute path through /proc", (target, fence) => `/proc/self/root${join(fence.outside, target)}`),
  named("backslashes", (target) => `..\\outside\\${target}`),
  named("escapes of URLs", (target) => `%2e%2e/outside/${target}`),
  named("dots that are no dots", (target) => `\u2025/outside/${target}`),
  named(".. with a blank", (target) => `.. /outside/${target}`),
  named("a NUL at the end", (target) => `../outside/${target}\0`),
  named("a NUL that hides the rest", (target) => `../outside/${target}\0/../../mount/file`),
  named("a NUL in front of ..", (target) => `dir\0/../../outside/${target}`),
];

const climbingDirectory: Links = [["climb", "../outside"]];

/** Links that stand in the mount. */
const links: readonly Way[] = [
  linked(
    "an absolute link to a file",
    () => "link",
    (target, fence) => [["link", join(fence.outside, target)]],
  ),
  linked(
    "an absolute link to a directory",
    (target) => `link/${target}`,
    (_, fence) => [["link", fence.outside]],
  ),
  linked(
    "an absolute link to the mount, and ..",
    (target) => `link/../outside/${target}`,
    (_, fence) => [["link", fence.mount]],
  ),
  linked(
    "a link to the host's root",
    (target, fence) => `link/${fromRoot(fence, target)}`,
    () => [["link", "/"]],
  ),
  linked(
    "a climbing link to a file",
    () => "link",
    (target) => [["link", outside(target)]],
  ),
  linked(
    "a climbing link to a file, in a directory",
    () => "dir/link",
    (target) => [["dir/link", `../../outside/${target}`]],
  ),
  linked(
    "a climbing link to a directory",
    (target) => `climb/${target}`,
    () => climbingDirectory,
  ),
  linked(
    "a climbing link in a directory",
    (target) => `dir/climb/${target}`,
    () => [["dir/climb", "../../outside"]],
  ),
  linked(
    "a climbing link and .",
    (target) => `climb/./${target}`,
    () => climbingDirectory,
  ),
  linked(
    "a climbing link and ..",
    (target) => `climb/../outside/${target}`,
    () => climbingDirectory,
  ),
  linked(
    "a climbing link and a slash",
    () => "link/",
    (target) => [["link", outside(target)]],
  ),
  linked(
    "a climbing link and a dot",
    () => "link/.",
    (target) => [["link", outside(target)]],
  ),
  linked(
    "a climbing link, two slashes and a dot",
    () => "link//./",
    (target) => [["link", outside(target)]],
  ),
  linked(
    "a link to ..",
    (target) => `link/outside/${target}`,
    () => [["link", ".."]],
  ),
  linked(
    "a link to ../..",
    (target, fence) => `link/${relative(join(fence.mount, "../.."), fence.outside)}/${target}`,
    () => [["link", "../.."]],
  ),
  linked(
    "a link to ./..",
    (target) => `link/outside/${target}`,
    () => [["link", "./.."]],
  ),
  linked(
    "a link to dir/../..",
    (target) => `link/outside/${target}`,
    () => [["link", "dir/../.."]],
  ),
  linked(
    "a link to forty ..",
    (target, fence) => `link/${fromRoot(fence, target)}`,
    () => [["link", up(40)]],
  ),
  linked(
    "a link that goes out and comes back, and ..",
    (target) => `link/../outside/${target}`,
    () => [["link", "../mount"]],
  ),
  linked(
    "a link with empty components",
    () => "link",
    (target) => [["link", `dir//..//..//outside//${target}`]],
  ),
  linked(
    "a link with a slash at its end",
    (target) => `link/${target}`,
    () => [["link", "../outside/"]],
  ),
  linked(
    "a link with a dot at its end",
    (target) => `link/${target}`,
    () => [["link", "../outside/."]],
  ),
  linked(
    "a link with .. at its end",
    (target) => `link/${target}`,
    () => [["link", "../outside/folder/.."]],
  ),
  linked(
    "a link through something missing",
    () => "link",
    (target) => [["link", `missing/../../outside/${target}`]],
  ),
  linked(
    ".. behind a link to .",
    (target) => `here/../outside/${target}`,
    () => [["here", "."]],
  ),
  linked(
    ".. behind a link to a directory",
    (target) => `link/../../outside/${target}`,
    () => [["link", "dir"]],
  ),
  linked(
    ".. behind a link to a directory's directory",
    (target) => `link/../../../outside/${target}`,
    () => [["link", "dir/sub"]],
  ),
  linked(
    "..\u00a0behind a link to a file",
    (target) => `link/../outside/${target}`,
    () => [["link", "dir/file"]],
  ),
];

/** `l0` leads to `.`, each of the others to what is above the one before. */
const towerOf = (height: number): Links =>
  Array.from({ length: height }, (_, index) => [`l${index}`, index === 0 ? "." : `l${index - 1}/..`]);
const chainOf = (length: number, end: string): Links =>
  Array.from({ length }, (_, index) => [`c${index}`, index === length - 1 ? end : `c${index + 1}`]);

/** Links behind links. */
const chains: readonly Way[] = [
  linked(
    "x to ., y to x/..",
    (target) => `y/outside/${target}`,
    () => [
      ["x", "."],
      ["y", "x/.."],
    ],
  ),
  linked(
    "x to ., y to x/.., z to y/..",
    (target) => `z/mount/../outside/${target}`,
    () => [
      ["x", "."],
      ["y", "x/.."],
      ["z", "y/.."],
    ],
  ),
  linked(
    "a tower of thirty links, each to .. of the one below",
    (target, fence) => `l29/${fromRoot(fence, target)}`,
    () => towerOf(30),
  ),
  linked(
    "a link to a link that climbs",
    (target) => `chain/${target}`,
    () => [
      ["chain", "dir/climb"],
      ["dir/climb", "../../outside"],
    ],
  ),
  linked(
    "a link in front of ..",
    (target) => `link/../../outside/${target}`,
    () => [
      ["link", "here/dir"],
      ["here", "."],
    ],
  ),
  linked(
    "a chain of forty links that ends outside",
    () => "c0",
    (target) => chainOf(40, outside(target)),
  ),
  linked(
    "a chain of fifty links that ends outside",
    () => "c0",
    (target) => chainOf(50, outside(target)),
  ),
  linked(
    "a loop of links, and ..",
    (target) => `a/../../outside/${target}`,
    () => [
      ["a", "b"],
      ["b", "a"],
    ],
  ),
  linked(
    "a link through itself",
    () => "self",
    (target) => [["self", `self/../../outside/${target}`]],
  ),
  linked(
    "a link through itself by a directory",
    () => "dir/self/self",
    (target) => [
      ["dir/self", "."],
      ["dir/sub/self", `../self/../../outside/${target}`],
    ],
  ),
  linked(
    "sixty links of 600 characters",
    () => "c0",
    (target) =>
      Array.from({ length: 60 }, (_, index) => [
        `c${index}`,
        `${"dir/../".repeat(85)}${index === 59 ? outside(target) : `c${index + 1}`}`,
      ]),
  ),
];

/** With a descriptor of the process on the folder outside, as another tenant's mount would be. */
const descriptors = new Map<string, number>();
function withDescriptor(name: string, target: (fd: number) => string, path: Way["path"]): Way {
  return {
    name,
    lay: (fence) => {
      const fd = openSync(fence.outside, "r");
      descriptors.set(fence.root, fd);
      fence.links([["link", target(fd)]]);
      return () => {
        descriptors.delete(fence.root);
        closeSync(fd);
      };
    },
    path,
  };
}

/** Through what the kernel shows of processes. */
const kernel: readonly Way[] = [
  linked(
    "the process' root",
    (target, fence) => `link/${fromRoot(fence, target)}`,
    () => [["link", "/proc/self/root"]],
  ),
  linked(
    "a thread's root",
    (target, fence) => `link/${fromRoot(fence, target)}`,
    () => [["link", "/proc/thread-self/root"]],
  ),
  linked(
    "another process' root",
    (target, fence) => `link/${fromRoot(fence, target)}`,
    () => [["link", `/proc/${process.ppid}/root`]],
  ),
  linked(
    "the working directory",
    (target, fence) => `link/${relative(process.cwd(), fence.outside)}/${target}`,
    () => [["link", "/proc/self/cwd"]],
  ),
  linked(
    "/proc by a climbing link",
    (target, fence) => `link/self/root/${fromRoot(fence, target)}`,
    () => [["link", `${up(40)}proc`]],
  ),
  withDescriptor(
    "an open descriptor of the process",
    (fd) => `/proc/self/fd/${fd}`,
    (target) => `link/${target}`,
  ),
  withDescriptor(
    "the folder of its descriptors",
    () => "/proc/self/fd",
    (target, fence) => `link/${descriptors.get(fence.root) ?? 0}/${target}`,
  ),
  withDescriptor(
    "an open descriptor through /dev/fd",
    (fd) => `/dev/fd/${fd}/folder/..`,
    (target) => `link/${target}`,
  ),
];

/** Made by the guest, from what it is allowed. */
const made: readonly Way[] = [
  {
    name: "a climbing link of its own",
    make: async (attacker, at, target) => void (await attacker.symlink(outside(target), at, "link")),
    path: () => "link",
  },
  {
    name: "an absolute link of its own",
    make: async (attacker, at) => void (await attacker.symlink("/", at, "link")),
    path: (target, fence) => `link/${fromRoot(fence, target)}`,
  },
  {
    name: "links of its own, x to . and y to x/..",
    make: async (attacker, at) => {
      await attacker.symlink(".", at, "x");
      await attacker.symlink("x/..", at, "y");
    },
    path: (target) => `y/outside/${target}`,
  },
  {
    name: "a link to .. that it moves up",
    make: async (attacker, at) => {
      await attacker.symlink("..", at, "dir/link");
      await attacker.rename(at, "dir/link", at, "link");
    },
    path: (target) => `link/outside/${target}`,
  },
  {
    name: "a directory with a link to ../.. that it moves up",
    make: async (attacker, at) => {
      await attacker.symlink("../..", at, "dir/sub/link");
      await attacker.rename(at, "dir/sub", at, "sub");
    },
    path: (target) => `sub/link/outside/${target}`,
  },
  {
    name: "a second name, higher up, for a link to ..",
    make: async (attacker, at) => {
      await attacker.symlink("..", at, "dir/link");
      await attacker.link(at, "dir/link", false, at, "link");
    },
    path: (target) => `link/outside/${target}`,
  },
  {
    name: "a link to .. that it moves to another mount",
    make: async (attacker, at, target) => {
      await attacker.symlink(`../../outside/${target}`, at, "dir/link");
      const [, other = at] = attacker.mounts;
      await attacker.rename(at, "dir/link", other, "link");
      await attacker.rename(other, "link", at, "link");
    },
    path: () => "link",
  },
  {
    name: "a directory that becomes a link after it was walked",
    make: async (attacker, at) => {
      await attacker.stat(at, "dir/sub/file", true);
      await attacker.rename(at, "dir", at, "away");
      await attacker.symlink("../outside", at, "dir");
    },
    path: (target) => `dir/${target}`,
  },
];

/** Changed by another process, between what the guest does. */
const changed: readonly Way[] = [
  {
    name: "a directory that another process replaces by a link",
    lay: (fence) => {
      renameSync(join(fence.mount, "dir"), join(fence.root, "away"));
      symlinkSync(fence.outside, join(fence.mount, "dir"));
      return () => {};
    },
    path: (target) => `dir/${target}`,
  },
  {
    name: "a second name for a climbing link, made by another process",
    lay: (fence, target) => {
      mkdirSync(join(fence.mount, "links"));
      symlinkSync(`../../outside/${target}`, join(fence.mount, "links/one"));
      linkSync(join(fence.mount, "links/one"), join(fence.mount, "dir/two"));
    },
    path: () => "dir/two",
  },
  {
    name: "a directory that another process moves up, with a link in it",
    lay: (fence) => {
      symlinkSync("../..", join(fence.mount, "dir/sub/link"));
      renameSync(join(fence.mount, "dir/sub"), join(fence.mount, "sub"));
    },
    path: (target) => `sub/link/outside/${target}`,
  },
];

export const ways: readonly Way[] = [...plain, ...links, ...chains, ...kernel, ...made, ...changed];
