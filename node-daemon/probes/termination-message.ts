/** Reads what a guest left as its termination message. The mount's content is the guest's, so nothing in it is believed. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { textOfEnd } from "../logs/log-tail.ts";
import { descriptorPath, entryPath, leafFlags, stepFlags } from "../wasi/file-system/host-flags.ts";
import { terminationMessageLimits } from "./limits.ts";

export interface MessageFile {
  /** A mount's real path. */
  readonly directory: string;
  /** The path below it, without `.` and `..`. */
  readonly below: readonly string[];
  /** What is older was left by another run. */
  readonly sinceMs: number;
}

/**
 * The end of the file, 4,096 bytes at most as in Kubernetes. Empty if it is not there or no regular file, or was last written before the run
 * began. Every step is opened by itself and without following symlinks, the file without reading first: a device that
 * was put there is not even opened.
 */
export async function readMessageFile({ directory, below, sinceMs }: MessageFile): Promise<string> {
  const steps = [...directory.split("/").filter((name) => name !== ""), ...below];
  const name = steps.pop();
  if (name === undefined) return "";
  const opened: FileHandle[] = [];
  try {
    let parent = await open("/", stepFlags);
    opened.push(parent);
    for (const step of steps) {
      parent = await open(entryPath(parent.fd, step), stepFlags);
      opened.push(parent);
    }
    const pathOnly = await open(entryPath(parent.fd, name), stepFlags & ~constants.O_DIRECTORY);
    opened.push(pathOnly);
    const { size, mtimeMs } = await regularFile(pathOnly);
    if (size === 0 || mtimeMs < sinceMs - terminationMessageLimits.clockTickMs) return "";
    const file = await open(
      descriptorPath(pathOnly.fd),
      constants.O_RDONLY | (leafFlags & ~constants.O_NOFOLLOW),
    );
    opened.push(file);
    return await readEnd(file, size);
  } catch {
    // Whatever is in the way there, the guest has put it in the way of its own words.
    return "";
  } finally {
    for (const handle of opened) await handle.close();
  }
}

async function regularFile(handle: FileHandle): Promise<{ readonly size: number; readonly mtimeMs: number }> {
  const stats = await handle.stat();
  return stats.isFile() ? stats : { size: 0, mtimeMs: 0 };
}

async function readEnd(file: FileHandle, size: number): Promise<string> {
  const length = Math.min(size, terminationMessageLimits.fileBytesMax);
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, size - length);
  return textOfEnd(buffer.subarray(0, bytesRead));
}
