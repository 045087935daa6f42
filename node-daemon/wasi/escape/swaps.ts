import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Test support: what another process changes in a mount, as fast as it can, while a guest works there. Each leads to
 * `inside` in one state, and outside in the other.
 */
export interface Swap {
  readonly name: string;
  /** Where the guest finds a file that holds `inside`, in one of the states. */
  readonly file: string;
  /** Where it makes and removes things. */
  readonly directory: string;
  /** `root` is a fence's: the mount is in its folder `mount`. Leaves the first state. */
  lay(root: string): void;
  /** Goes through all states, and leaves the first. */
  turn(root: string): void;
}

function exchange(first: string, second: string): void {
  const spare = `${first}-spare`;
  renameSync(first, spare);
  renameSync(second, first);
  renameSync(first, second);
  renameSync(spare, first);
}

function layFolder(path: string): void {
  mkdirSync(join(path, "folder"), { recursive: true });
  writeFileSync(join(path, "secret"), "inside");
  writeFileSync(join(path, "folder/secret"), "inside");
}

/** A link is made beside, and renamed over the old one: it always exists. */
function relink(path: string, target: string): void {
  symlinkSync(target, `${path}-new`);
  renameSync(`${path}-new`, path);
}

const inMount = (root: string, ...parts: readonly string[]) => join(root, "mount", ...parts);

export const swaps: readonly Swap[] = [
  {
    name: "a directory and a link to the outside",
    file: "swap/secret",
    directory: "swap",
    lay: (root) => {
      layFolder(inMount(root, "swap"));
      symlinkSync("../outside", inMount(root, "swap-link"));
    },
    turn: (root) => exchange(inMount(root, "swap"), inMount(root, "swap-link")),
  },
  {
    name: "a directory in the middle of the path and an absolute link",
    file: "a/swap/folder/secret",
    directory: "a/swap/folder",
    lay: (root) => {
      layFolder(inMount(root, "a/swap"));
      symlinkSync(join(root, "outside"), inMount(root, "a/swap-link"));
    },
    turn: (root) => exchange(inMount(root, "a/swap"), inMount(root, "a/swap-link")),
  },
  {
    name: "a file and a link to a file outside",
    file: "swap",
    directory: ".",
    lay: (root) => {
      writeFileSync(inMount(root, "swap"), "inside");
      symlinkSync("../outside/secret", inMount(root, "swap-link"));
    },
    turn: (root) => exchange(inMount(root, "swap"), inMount(root, "swap-link")),
  },
  {
    name: "two targets of one link",
    file: "swap/secret",
    directory: "swap",
    lay: (root) => {
      layFolder(inMount(root, "target"));
      symlinkSync("target", inMount(root, "swap"));
    },
    turn: (root) => {
      relink(inMount(root, "swap"), "../outside");
      relink(inMount(root, "swap"), "target");
    },
  },
  {
    name: "two targets of a link behind a link",
    file: "first/secret",
    directory: "first",
    lay: (root) => {
      layFolder(inMount(root, "dir/target"));
      symlinkSync("dir/second", inMount(root, "first"));
      symlinkSync("target", inMount(root, "dir/second"));
    },
    turn: (root) => {
      relink(inMount(root, "dir/second"), "../../outside");
      relink(inMount(root, "dir/second"), "target");
    },
  },
  {
    name: "a directory that is moved out of the mount and back, and walked up from",
    file: "deep/moving/folder/../secret",
    directory: "deep/moving/folder/..",
    lay: (root) => {
      layFolder(inMount(root, "deep/moving"));
      // What `..` of the moved directory's directory would be.
      mkdirSync(join(root, "moved"));
    },
    turn: (root) => {
      renameSync(inMount(root, "deep/moving/folder"), join(root, "moved/folder"));
      renameSync(join(root, "moved/folder"), inMount(root, "deep/moving/folder"));
    },
  },
  {
    name: "the depth of a directory, and walked up from",
    file: "deep/er/est/../../secret",
    directory: "deep/er/est/../..",
    lay: (root) => {
      layFolder(inMount(root, "deep"));
      mkdirSync(inMount(root, "deep/er/est"), { recursive: true });
    },
    turn: (root) => {
      renameSync(inMount(root, "deep/er/est"), inMount(root, "est"));
      renameSync(inMount(root, "est"), inMount(root, "deep/er/est"));
    },
  },
];
