import { errno, fileType, type Errno } from "../abi.ts";
import { statEntry } from "./entries.ts";
import type { FileStat } from "./operations.ts";
import type { Walk } from "./walk.ts";

/**
 * Stats the leaf of a walk, walking on through symlinks if they are to be followed, or if a trailing slash says that a
 * directory is meant. Afterwards the walk stands at what was found.
 */
export function statLeaf(walk: Walk, follow: boolean): FileStat | Errno {
  for (;;) {
    const stat = statEntry(walk.parent, walk.leaf);
    if (stat === undefined) return errno.noent;
    if (stat.type !== fileType.symbolicLink || !(follow || walk.directoryRequired)) {
      return walk.directoryRequired && stat.type !== fileType.directory ? errno.notdir : stat;
    }
    const refused = walk.followLeaf();
    // Swapped for something else in between: look again, which the bound on hops ends.
    if (refused !== 0 && refused !== errno.inval) return refused;
  }
}
