import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import type { AttackedMount } from "./attacker.ts";

/** In memory where there is such a place: the suite makes thousands of fences. */
const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** What stands in every file that no guest may read. */
export const secret = "not for guests";

/** Names outside that are there, and their likes that are not. A guest must not be able to tell them apart. */
export const outsideNames = { existing: "secret", missing: "absent" } as const;

/**
 * Test support: a folder on the host with what guests are given, and beside it what they must never reach.
 *
 *     root/mount     mounted as `/`: dir/file, dir/sub/file, file
 *     root/other     mounted as `/other`: file
 *     root/fixed     mounted as `/fixed`, read only: dir/file, file
 *     root/outside   secret, folder/secret
 */
export class Fence implements Disposable {
  readonly root = realpathSync(mkdtempSync(join(place, "wherry-fence-")));
  readonly mount = join(this.root, "mount");
  readonly other = join(this.root, "other");
  readonly fixed = join(this.root, "fixed");
  readonly outside = join(this.root, "outside");

  constructor() {
    for (const name of ["dir/file", "dir/sub/file", "file"]) this.file(join(this.mount, name), "inside");
    this.file(join(this.other, "file"), "inside");
    for (const name of ["dir/file", "file"]) this.file(join(this.fixed, name), "fixed");
    for (const name of ["secret", "folder/secret"]) this.file(join(this.outside, name), secret);
  }

  get mounts(): readonly AttackedMount[] {
    return [
      { guestPath: "/", hostPath: this.mount, readOnly: false },
      { guestPath: "/other", hostPath: this.other, readOnly: false },
      { guestPath: "/fixed", hostPath: this.fixed, readOnly: true },
    ];
  }

  file(path: string, content: string): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  /** Links in the mount, made by the host. */
  links(links: readonly (readonly [name: string, target: string])[]): void {
    for (const [name, target] of links) {
      mkdirSync(dirname(join(this.mount, name)), { recursive: true });
      symlinkSync(target, join(this.mount, name));
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** All that a guest could have changed in a folder: names, types, modes, owners, sizes, times, counts of links, contents. */
export function stateOf(folder: string): readonly string[] {
  const state = [describe(folder, "")];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }).sort(byPath)) {
    state.push(describe(entry.parentPath, entry.name));
  }
  return state;
}

export function namesIn(folder: string): readonly string[] {
  return readdirSync(folder).sort();
}

function byPath(a: { parentPath: string; name: string }, b: { parentPath: string; name: string }): number {
  return join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1;
}

function describe(parent: string, name: string): string {
  const path = join(parent, name);
  const stat = lstatSync(path, { bigint: true });
  const { dev, ino, mode, nlink, uid, gid, size, mtimeNs, ctimeNs } = stat;
  const content = stat.isFile() ? readFileSync(path, "utf8") : "";
  return [path, dev, ino, mode, nlink, uid, gid, size, mtimeNs, ctimeNs, content].join(" ");
}

/** Inodes of everything in a folder, itself included. */
export function inodesIn(folder: string): ReadonlySet<bigint> {
  const paths = [
    folder,
    ...readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name))),
  ];
  return new Set(paths.map((path) => lstatSync(path, { bigint: true }).ino));
}
