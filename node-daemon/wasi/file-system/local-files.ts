/**
 * The files of a file system that never blocks for long, on this thread: each call goes straight to the kernel and answers at
 * once. What the kernel refuses becomes an errno here.
 */
import { fstatSync } from "node:fs";

import { errno, type Errno } from "../abi.ts";
import { errnoOfThrown } from "../errnos.ts";
import { measureUsage } from "./disk-usage.ts";
import { busyDescriptors } from "./busy-descriptors.ts";
import { fileStat } from "./file-stat.ts";
import { descriptorPath } from "./host-flags.ts";
import { readListing } from "./listing.ts";
import * as descriptors from "./local-descriptors.ts";
import * as paths from "./local-paths.ts";
import * as transfers from "./local-transfers.ts";
import { openBelow, reopen } from "./open.ts";
import type { FileOperations, Transferred } from "./operations.ts";
import { setTimes } from "./times.ts";
import { inTurns } from "./turns.ts";

/** The errno for what a file system call threw; our own bugs are thrown on. */
function refusal(thrown: unknown): Errno {
  const known = errnoOfThrown(thrown);
  if (known === undefined) throw thrown;
  return known;
}

/** As `answering`, for what may be answered later. */
async function answeringLater<T>(answer: Promise<T>): Promise<T | Errno> {
  try {
    return await answer;
  } catch (thrown) {
    return refusal(thrown);
  }
}

/** `call`, with what the kernel refuses as an errno. */
function answering<Arguments extends readonly unknown[], T>(
  call: (...args: Arguments) => T,
): (...args: Arguments) => T | Errno {
  return (...args) => {
    try {
      return call(...args);
    } catch (thrown) {
      return refusal(thrown);
    }
  };
}

/** `call`, which answers a number, with what the kernel refuses as a negative errno. */
function counting<Arguments extends readonly unknown[], T extends Transferred>(
  call: (...args: Arguments) => T,
): (...args: Arguments) => T | number {
  return (...args) => {
    try {
      return call(...args);
    } catch (thrown) {
      return -refusal(thrown);
    }
  };
}

export const localFiles = {
  mayBlock: false,
  open: answering(openBelow),
  reopen: counting(reopen),
  close(fd) {
    try {
      busyDescriptors.close(fd);
    } catch (thrown) {
      // Closed it is, whatever the disk says; but not if it never was open.
      if (refusal(thrown) === errno.badf) throw thrown;
    }
  },
  stat: answering((fd: number) => fileStat(fstatSync(fd, { bigint: true }))),
  size: counting((fd: number) => fstatSync(fd).size),
  statAt: answering(paths.statAt),
  setTimes: answering((fd, times) => {
    setTimes(descriptorPath(fd), true, times);
    return 0;
  }),
  setTimesAt: answering(paths.setTimesAt),
  setSize: answering(descriptors.setSize),
  allocate: answering((fd: number, offset: bigint, length: bigint) =>
    inTurns(descriptors.allocate(fd, offset, length)),
  ),
  sync: descriptors.sync,
  createDirectory: answering(paths.createDirectory),
  removeDirectory: answering(paths.removeDirectory),
  unlink: answering(paths.unlink),
  rename: answering(paths.rename),
  link: answering(paths.link),
  symlink: answering(paths.symlink),
  readlink: answering(paths.readlink),
  list: answering((fd: number, turn?: () => Promise<void>) => {
    const listing = inTurns(readListing(fd), turn);
    return listing instanceof Promise ? answeringLater(listing) : listing;
  }),
  usage: answering((directory: number) => {
    const usage = inTurns(measureUsage(directory));
    if (!(usage instanceof Promise)) return usage;
    busyDescriptors.hold(directory);
    return answeringLater(usage).finally(() => busyDescriptors.letGo(directory));
  }),
  inodes: answering(descriptors.inodes),
  // Without a wrapper: these are called most.
  read(fd: number, targets: readonly Uint8Array[], position: number): Transferred {
    try {
      return transfers.read(fd, targets, position);
    } catch (thrown) {
      return -refusal(thrown);
    }
  },
  write(fd: number, sources: readonly Uint8Array[], position: number): Transferred {
    try {
      return transfers.write(fd, sources, position);
    } catch (thrown) {
      return -refusal(thrown);
    }
  },
} satisfies FileOperations;
