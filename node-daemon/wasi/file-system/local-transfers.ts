/**
 * Reading and writing. Straight between the caller's memory and the kernel: at once up to `limits.transferBytesMax`, beyond
 * that off the thread, piece by piece.
 */
import { readSync, readv, readvSync, writeSync, writev, writevSync } from "node:fs";
import { promisify } from "node:util";

import { errnoOfThrown } from "../errnos.ts";
import { limits } from "../limits.ts";
import { busyDescriptors } from "./busy-descriptors.ts";
import { payer } from "./payer.ts";
import type { Transferred } from "./operations.ts";
import { piecesOf, sizeOf } from "./views.ts";

/** May throw a system error; the promise answers it. */
export function read(fd: number, targets: readonly Uint8Array[], position: number): Transferred {
  if (sizeOf(targets) > limits.transferBytesMax) return inPieces(readLater, fd, targets, position);
  return readNow(fd, targets, position);
}

/** May throw a system error; the promise answers it. */
export function write(fd: number, sources: readonly Uint8Array[], position: number): Transferred {
  if (sizeOf(sources) > limits.transferBytesMax) return inPieces(writeLater, fd, sources, position);
  return writeNow(fd, sources, position);
}

/** May throw a system error. */
export function readNow(fd: number, targets: readonly Uint8Array[], position: number): number {
  const [only] = targets;
  if (only === undefined) return 0;
  if (targets.length === 1) return readSync(fd, only, 0, only.byteLength, position);
  return readvSync(fd, targets, position);
}

/** May throw a system error. */
export function writeNow(fd: number, sources: readonly Uint8Array[], position: number): number {
  const [only] = sources;
  if (only === undefined) return 0;
  if (sources.length === 1) return writeSync(fd, only, 0, only.byteLength, position);
  return writevSync(fd, sources, position);
}

type TransferLater = (fd: number, views: readonly Uint8Array[], position: number) => Promise<number>;

const readvLater = promisify(readv);
const writevLater = promisify(writev);

const readLater: TransferLater = async (fd, views, position) =>
  (await readvLater(fd, views, position)).bytesRead;
const writeLater: TransferLater = async (fd, views, position) =>
  (await writevLater(fd, views, position)).bytesWritten;

let piecesUnderWay = 0;
/** No more than guests, since a guest transfers one thing at a time, or than the tasks of components. */
const waiting: (() => void)[] = [];

/** Until a piece falls short or fails: what was transferred before counts, and the error comes back with the next call. */
async function inPieces(
  transfer: TransferLater,
  fd: number,
  views: readonly Uint8Array[],
  position: number,
): Promise<number> {
  const pay = payer();
  busyDescriptors.hold(fd);
  let done = 0;
  try {
    for (const piece of piecesOf(views, limits.transferPieceBytes)) {
      const count = await inLine(async () => {
        // Closed meanwhile: its guest was killed.
        if (busyDescriptors.isGivenUp(fd)) return 0;
        const beganMs = performance.now();
        const moved = await transfer(fd, piece, position + done);
        // Not for the time that the disk took.
        pay(Math.min(performance.now() - beganMs, moved * limits.transferMsPerByteMax));
        return moved;
      });
      done += count;
      if (count < sizeOf(piece)) break;
    }
    return done;
  } catch (thrown) {
    const known = errnoOfThrown(thrown);
    if (known === undefined) throw thrown;
    return done > 0 ? done : -known;
  } finally {
    busyDescriptors.letGo(fd);
  }
}

async function inLine<T>(transfer: () => Promise<T>): Promise<T> {
  if (piecesUnderWay >= limits.transferPiecesMax) await new Promise<void>((resolve) => waiting.push(resolve));
  else piecesUnderWay++;
  try {
    return await transfer();
  } finally {
    const next = waiting.shift();
    if (next === undefined) piecesUnderWay--;
    else next();
  }
}
