import { readdirSync, rmSync } from "node:fs";
import { open, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { StoreBackup } from "../store.ts";

/** What a reader gets at a time. */
const chunkBytes = 256 * 1024;

const suffix = ".backup-";

/** Where a copy is made: beside the store, where there is room for it and nobody else may look. */
export function backupFileOf(storeFile: string, id: string): string {
  return `${storeFile}${suffix}${id}`;
}

/** Removes the copies of a process that was killed while making them. Only for the owner of the store's lock. */
export function removeLeftoverBackups(storeFile: string): void {
  const prefix = basename(storeFile) + suffix;
  for (const name of readdirSync(dirname(storeFile)))
    if (name.startsWith(prefix)) rmSync(join(dirname(storeFile), name), { force: true });
}

/** A finished copy as a stream. Its name goes at once, and its bytes with the last handle: also when the process dies. */
export async function openBackup(file: string, onClosed: () => void): Promise<StoreBackup> {
  const handle = await open(file, "r");
  await rm(file, { force: true });
  const { size } = await handle.stat();
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= handle.close().finally(onClosed));
  return { bytes: size, content: chunksOf(handle, close), [Symbol.asyncDispose]: close };
}

async function* chunksOf(handle: FileHandle, close: () => Promise<void>): AsyncIterable<Uint8Array> {
  try {
    for (;;) {
      const buffer = new Uint8Array(chunkBytes);
      const { bytesRead } = await handle.read(buffer, 0, chunkBytes, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await close();
  }
}
