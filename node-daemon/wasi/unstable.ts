/**
 * `wasi_unstable`, the snapshot before preview 1, for modules of 2019. It is preview 1 but for what is here: the order of
 * `whence`, the number of links as 32 bits, a user's identifier in what is subscribed to on clocks, and no `sock_accept`.
 * Events, directory entries, rights, errnos and all other numbers are the same. A module may import from both.
 */
import { type SubscriptionForm, whence } from "./abi.ts";
import type { FileStat } from "./file-system/operations.ts";
import type { WasiContext, WasiFunction, WasiFunctions } from "./functions/context.ts";
import { fileDescriptorFunctions } from "./functions/file-descriptors.ts";
import type { FilestatForm } from "./functions/filestat.ts";
import { pathFunctions } from "./functions/paths.ts";
import { pollFunctions } from "./functions/poll.ts";
import type { GuestMemory } from "./guest-memory.ts";
import { preview1Functions } from "./preview1.ts";

const whenceOf: readonly number[] = [whence.current, whence.end, whence.set];
const noWhence = 3;

/** The 64-bit identifier goes before the clock's id. */
const subscriptionForm: SubscriptionForm = { bytes: 56, clockAt: 24 };

const filestatForm: FilestatForm = { bytes: 56, write: writeFilestat };

const differing = {
  fd_seek: (context: WasiContext, fd: number, delta: bigint, from: number, out: number) =>
    fileDescriptorFunctions.fd_seek(context, fd, delta, whenceOf[from] ?? noWhence, out),
  fd_filestat_get: (context: WasiContext, fd: number, out: number) =>
    fileDescriptorFunctions.fd_filestat_get(context, fd, out, filestatForm),
  path_filestat_get: (
    context: WasiContext,
    fd: number,
    lookup: number,
    path: number,
    length: number,
    out: number,
  ) => pathFunctions.path_filestat_get(context, fd, lookup, path, length, out, filestatForm),
  poll_oneoff: (context: WasiContext, input: number, output: number, count: number, out: number) =>
    pollFunctions.poll_oneoff(context, input, output, count, out, subscriptionForm),
} satisfies WasiFunctions;

const unstableFunctions = new Map([...preview1Functions, ...Object.entries<WasiFunction>(differing)]);
unstableFunctions.delete("sock_accept");

/** Everything that a core module can import, by the name of the module it is imported from. */
export const wasiFunctions: ReadonlyMap<string, ReadonlyMap<string, WasiFunction>> = new Map([
  ["wasi_snapshot_preview1", preview1Functions],
  ["wasi_unstable", unstableFunctions],
]);

function writeFilestat(memory: GuestMemory, out: number, stat: FileStat): number {
  const { view } = memory;
  view.setBigUint64(out, stat.dev, true);
  view.setBigUint64(out + 8, stat.ino, true);
  view.setUint32(out + 16, stat.type, true);
  const linksMax = 0xffff_ffffn;
  view.setUint32(out + 20, Number(stat.nlink > linksMax ? linksMax : stat.nlink), true);
  view.setBigUint64(out + 24, stat.size, true);
  view.setBigUint64(out + 32, BigInt.asUintN(64, stat.atimeNs), true);
  view.setBigUint64(out + 40, BigInt.asUintN(64, stat.mtimeNs), true);
  view.setBigUint64(out + 48, BigInt.asUintN(64, stat.ctimeNs), true);
  return 0;
}
