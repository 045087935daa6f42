/**
 * The translated modules on the disk: which may go. A file or folder is named by the digest of its module and the version of
 * the rewriter; several belong to one module.
 */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { rewriterVersion } from "../../wasm/rewrite.ts";
import type { GarbageOutcome, GarbageRequest } from "../runtime-driver.ts";

interface Entry {
  readonly name: string;
  readonly digest: string;
  /** Made by this version, for all that its name says. */
  readonly current: boolean;
  readonly bytes: number;
  readonly madeMs: number;
}

const entryName = /^(?:sha256-)?([a-f0-9]{64})-r(\d+)/;

/**
 * Removes what no run can use again, then all of each module that is unused, the least recently used first. Never what is in
 * use.
 */
export async function collectTranslations(folder: string, request: GarbageRequest): Promise<GarbageOutcome> {
  const entries = await list(folder);
  let keptBytes = bytesOf(entries);
  let freedBytes = 0;
  const remove = async (gone: readonly Entry[]) => {
    for (const { name } of gone) await rm(join(folder, name), { recursive: true, force: true });
    keptBytes -= bytesOf(gone);
    freedBytes += bytesOf(gone);
  };
  // Whatever runs from an older version has read it.
  await remove(entries.filter(({ current }) => !current));
  const byModule = Map.groupBy(
    entries.filter(({ current }) => current),
    ({ digest }) => digest,
  );
  // A module that is not here any more was used before all that are.
  const ranked = [...byModule].map(([digest, files]) => ({
    digest,
    files,
    rank: request.lastUsed(digest) ?? -1,
    madeMs: Math.max(...files.map(({ madeMs }) => madeMs)),
  }));
  for (const { digest, files } of ranked.toSorted((a, b) => a.rank - b.rank || a.madeMs - b.madeMs)) {
    if (keptBytes <= request.bytesMax) break;
    if (request.isUsed(digest)) continue;
    await remove(files);
    request.removed(digest);
  }
  return { keptBytes, freedBytes };
}

function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}

async function list(folder: string): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const match = entryName.exec(name);
    const facts = await stat(join(folder, name)).catch(() => undefined);
    if (!facts) continue;
    entries.push({
      name,
      digest: match?.[1] ?? "",
      current: Number(match?.[2]) === rewriterVersion,
      bytes: facts.isDirectory() ? await bytesIn(join(folder, name)) : facts.size,
      madeMs: facts.mtimeMs,
    });
  }
  return entries;
}

/** A component: a few files beside each other. */
async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    bytes += (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}
