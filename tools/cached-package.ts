/** Packages of npm that few need: fetched when somebody does, in the version that is named there, and kept in `.cache/packages`. */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./gate.ts";
import { runCompiler } from "./run-compiler.ts";

const folderOfAll = join(root, ".cache", "packages");

/** Resolves with the folder whose `node_modules` has it. None of its install scripts run. */
export async function cachedPackage(name: string, version: string): Promise<string> {
  const folder = join(folderOfAll, `${name.replaceAll("/", "+")}@${version}`);
  if (existsSync(folder)) return folder;
  const partial = `${folder}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  try {
    const quiet = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    await runCompiler("npm", ["install", "--prefix", partial, ...quiet, `${name}@${version}`], partial);
    await rename(partial, folder);
  } catch (thrown) {
    await rm(partial, { recursive: true, force: true });
    throw thrown;
  }
  return folder;
}
