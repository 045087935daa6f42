import { constants } from "node:fs";

/** Linux's O_PATH, which Node has no name for: a handle for resolving names, without permission to read. */
const openPathOnly = 0o10000000;

/** For one step of a path: only a directory, never through a symlink. */
export const stepFlags = openPathOnly | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** For the last step to a mount: it is listed and synced as well. */
export const mountFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** On every open of a leaf: no symlink, no waiting for the other end of a FIFO, no controlling terminal. */
export const leafFlags = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * The host path of `name` inside the open directory `fd`: what `openat` would take. `name` is one component, never
 * `..`; `.` is the directory itself. Linux resolves the first part to the open directory wherever it has moved to.
 */
export function entryPath(fd: number, name: string): string {
  return `/proc/self/fd/${fd}/${name}`;
}

/** The host path of what `fd` has open, a deleted file included. */
export function descriptorPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}
