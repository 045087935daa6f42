/**
 * WASI preview 1 for one instance, on capabilities: the guest sees the directories, streams, clocks and strings that its
 * host hands over, and nothing else.
 *
 *     guest ─▶ functions/ ─▶ descriptors (rights) ─▶ file-system/ (walks below a capability) ─▶ kernel
 *                     └────▶ host (streams, clocks, waiting)
 *
 * Nothing ever throws into the guest: what the kernel refuses becomes an errno by one table (errnos.ts), anything else is our bug,
 * becomes EIO and is reported to the host. A killed instance's wait ends with EINTR; that it traps then is the host's doing.
 */
import { WherryError } from "../../kit/errors.ts";
import {
  directoryRights,
  errno,
  type Errno,
  fileRights,
  inputRights,
  listenerRights,
  outputRights,
  socketRights,
  writingRights,
} from "./abi.ts";
import {
  type Descriptor,
  DescriptorTable,
  type DirectoryDescriptor,
  type InputDescriptor,
  type ListenerDescriptor,
  type OutputDescriptor,
} from "./descriptors.ts";
import { errnoOfThrown } from "./errnos.ts";
import type { WasiAnswer, WasiContext, WasiFunction } from "./functions/context.ts";
import { directoryFunctions } from "./functions/directories.ts";
import { fileDescriptorFunctions } from "./functions/file-descriptors.ts";
import { fileIoFunctions } from "./functions/file-io.ts";
import { pathOpenFunctions } from "./functions/path-open.ts";
import { pathFunctions } from "./functions/paths.ts";
import { pollFunctions } from "./functions/poll.ts";
import { measureStrings, processFunctions } from "./functions/process.ts";
import { socketFunctions } from "./functions/sockets.ts";
import { GuestMemory, type WasmMemory } from "./guest-memory.ts";
import type { InputSource, OutputSink, Preopen, WasiHost } from "./host.ts";
import type { TcpListener } from "./sockets/network.ts";
import { suspendingFunctionsFor } from "./signatures.ts";

export { ListingCache } from "./file-system/listing-cache.ts";
export { DirectoryCapability, openDirectoryCapability } from "./file-system/directory-capability.ts";
export type { WasiAnswer, WasiFunction } from "./functions/context.ts";
export type { WasmMemory } from "./guest-memory.ts";
export type { InputSource, OutputSink, Preopen, WasiClock, WasiHost } from "./host.ts";
export { missingFunctions, preview1Signatures, quickFunctions, suspendingFunctions } from "./signatures.ts";

/** All functions of `wasi_snapshot_preview1`, by name. */
export const preview1Functions: ReadonlyMap<string, WasiFunction> = new Map(
  Object.entries<WasiFunction>({
    ...processFunctions,
    ...fileIoFunctions,
    ...fileDescriptorFunctions,
    ...directoryFunctions,
    ...pathOpenFunctions,
    ...pathFunctions,
    ...pollFunctions,
    ...socketFunctions,
  }),
);

export class Preview1 {
  readonly #context: WasiContext;
  /** The functions that may answer a promise. */
  readonly suspending: ReadonlySet<string>;

  /** Throws a {@link WherryError} for arguments, environment or mounts that can't be handed to any guest. */
  constructor(host: WasiHost) {
    // Both may throw; the second acquires only when nothing can any more.
    const strings = measureStrings(host);
    const descriptors = new DescriptorTable(host.limits.openFilesMax, host.listings, firstDescriptors(host));
    this.suspending = suspendingFunctionsFor(host);
    this.#context = { host, memory: new GuestMemory(), descriptors, strings };
  }

  /** Before the first call. */
  bindMemory(memory: WasmMemory): void {
    this.#context.memory.bind(memory);
  }

  /** `args` are what the guest passed, by the signature of `wasiFunction`. Never throws or rejects. */
  call(wasiFunction: WasiFunction, ...args: readonly unknown[]): WasiAnswer {
    try {
      // The engine has checked them against the module's import, and that was checked against the signature.
      const answer = wasiFunction(this.#context, ...(args as never[]));
      return answer instanceof Promise ? answer.catch((thrown: unknown) => this.#refused(thrown)) : answer;
    } catch (thrown) {
      return this.#refused(thrown);
    }
  }

  /** Closes every descriptor. Idempotent. */
  close(): void {
    this.#context.descriptors.closeAll();
  }

  #refused(thrown: unknown): Errno {
    const known = errnoOfThrown(thrown);
    if (known === undefined) this.#context.host.onBug?.(thrown);
    return known ?? errno.io;
  }
}

function firstDescriptors(host: WasiHost): Descriptor[] {
  const directories = host.preopens.map(preopened);
  for (const { directory } of directories) directory.acquire();
  return [
    inputDescriptor(host.stdin),
    outputDescriptor(host.stdout),
    outputDescriptor(host.stderr),
    ...directories,
    ...host.network.listeners.map(({ listener }) => listenerDescriptor(listener)),
  ];
}

function listenerDescriptor(listener: TcpListener): ListenerDescriptor {
  return {
    kind: "listener",
    listener,
    rightsBase: listenerRights,
    rightsInheriting: socketRights,
    readOnly: false,
    flags: 0,
  };
}

function inputDescriptor(source: InputSource): InputDescriptor {
  return { kind: "input", source, rightsBase: inputRights, rightsInheriting: 0, readOnly: false, flags: 0 };
}

function outputDescriptor(sink: OutputSink): OutputDescriptor {
  return { kind: "output", sink, rightsBase: outputRights, rightsInheriting: 0, readOnly: false, flags: 0 };
}

function preopened({ guestPath, directory, readOnly }: Preopen): DirectoryDescriptor {
  if (guestPath === "" || guestPath.includes("\0")) {
    throw new WherryError("wasi-start-invalid", `mount as ${JSON.stringify(guestPath)}: no path`);
  }
  const granted = readOnly ? ~writingRights : ~0;
  return {
    kind: "directory",
    directory,
    preopenPath: Buffer.from(guestPath),
    listing: undefined,
    flags: 0,
    rightsBase: directoryRights & granted,
    rightsInheriting: (directoryRights | fileRights) & granted,
    readOnly,
  };
}
