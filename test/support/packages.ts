/** Files of npm packages: modules that nobody here wrote, and what their own JavaScript would lay before them. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkout } from "./cluster.ts";

/** The folder itself, should the checkout only have a link to it: what nodes are to allow. */
export const packagesFolder = realpathSync(join(checkout, "node_modules"));

export function packageImage(path: string): string {
  return `file://node_modules/${path}`;
}

/** Text, bytes, where the bytes are, or a folder. */
interface ResourceTree {
  readonly [name: string]: string | Uint8Array | URL | ResourceTree;
}

/** Writes the files of a package of YoWASP, which keeps them in a module. */
export async function unpackResources(path: string, folder: string): Promise<void> {
  const { filesystem } = (await import(join(packagesFolder, path))) as { readonly filesystem: ResourceTree };
  writeTree(filesystem, folder);
}

function writeTree(tree: ResourceTree, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, entry] of Object.entries(tree)) {
    const target = join(folder, name);
    if (typeof entry === "string" || entry instanceof Uint8Array) writeFileSync(target, entry);
    else if (entry instanceof URL) copyFileSync(fileURLToPath(entry), target);
    else writeTree(entry, target);
  }
}

export function unpackTar(path: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  execFileSync("tar", ["-xf", join(packagesFolder, path), "-C", folder]);
}
