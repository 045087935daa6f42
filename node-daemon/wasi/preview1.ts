/**
 * WASI preview 1 for one instance, on capabilities: the guest sees the directories, streams, clocks and strings that its
 * host hands over, and nothing else.
 *
 *     guest ─▶ functions/ ─▶ descriptors (rights) ─▶ file-system/ (walks below a capability) ─▶ kernel
 *                     └────▶ host (streams, clocks, waiting)
 *
 * Nothing ever throws into the guest: what the kernel refuses becomes an errno by one table, anything else is our bug,
 * becomes EIO and is reported to the host. A killed instance's wait ends with EINTR; that it traps then is the host's doing.
 */
import { WherryError } from "../../kit/errors.ts";
import { directoryRights, errno, fileRights, inputRights, outputRights, writingRights } from "./abi.ts";
import { DescriptorTable, type DirectoryDescriptor } from "./descriptors.ts";
import { errnoOfThrown } from "./errnos.ts";
import type { WasiContext, WasiFunction, WasiFunctions } from "./functions/context.ts";
import { directoryFunctions } from "./functions/directories.ts";
import { fileDescriptorFunctions } from "./functions/file-descriptors.ts";
import { fileIoFunctions } from "./functions/file-io.ts";
import { pathOpenFunctions } from "./functions/path-open.ts";
import { pathFunctions } from "./functions/paths.ts";
import { pollFunctions } from "./functions/poll.ts";
import { processFunctions } from "./functions/process.ts";
import { socketFunctions } from "./functions/sockets.ts";
import { GuestMemory, type WasmMemory } from "./guest-memory.ts";
import type { Preopen, WasiHost } from "./host.ts";

export { DirectoryCapability, openDirectoryCapability } from "./file-system/directory-capability.ts";
export type { WasmMemory } from "./guest-memory.ts";
export type { InputSource, OutputSink, Preopen, WasiClock, WasiHost } from "./host.ts";
export { missingFunctions, preview1Signatures, suspendingFunctions } from "./signatures.ts";

export interface Preview1 {
  /**
   * By name. Plain functions that answer an errno, or a promise of one where `suspendingFunctions` says so. Only
   * `proc_exit` answers nothing.
   */
  readonly functions: WasiFunctions;
  /** Before the first call. */
  bindMemory(memory: WasmMemory): void;
  /** Closes every descriptor. Idempotent. */
  close(): void;
}

/** Throws a {@link WherryError} for arguments, environment or mounts that can't be handed to any guest. */
export function createPreview1(host: WasiHost): Preview1 {
  const memory = new GuestMemory();
  const descriptors = new DescriptorTable(host.limits.openFilesMax);
  const context: WasiContext = { host, memory, descriptors, listings: new Set() };
  const plain: WasiFunctions = {
    ...processFunctions(context),
    ...fileIoFunctions(context),
    ...fileDescriptorFunctions(context),
    ...directoryFunctions(context),
    ...pathOpenFunctions(context),
    ...pathFunctions(context),
    ...pollFunctions(context),
    ...socketFunctions(context),
    proc_raise: () => errno.nosys,
  };
  addDescriptors(descriptors, host);
  const functions: Record<string, WasiFunction> = {};
  for (const [name, call] of Object.entries(plain)) functions[name] = guarded(call, host);
  return {
    functions,
    bindMemory: (bound) => memory.bind(bound),
    close: () => descriptors.closeAll(),
  };
}

function addDescriptors(descriptors: DescriptorTable, host: WasiHost): void {
  const stdio = { rightsInheriting: 0, readOnly: false, flags: 0 };
  const directories = host.preopens.map(preopened);
  descriptors.add({ kind: "input", source: host.stdin, rightsBase: inputRights, ...stdio });
  descriptors.add({ kind: "output", sink: host.stdout, rightsBase: outputRights, ...stdio });
  descriptors.add({ kind: "output", sink: host.stderr, rightsBase: outputRights, ...stdio });
  for (const directory of directories) {
    directory.directory.acquire();
    descriptors.add(directory);
  }
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

function guarded(call: WasiFunction, host: WasiHost): WasiFunction {
  const refused = (thrown: unknown): number => {
    const known = errnoOfThrown(thrown);
    if (known === undefined) host.onBug?.(thrown);
    return known ?? errno.io;
  };
  return (...args) => {
    try {
      const answer = call(...args);
      return answer instanceof Promise ? answer.catch(refused) : answer;
    } catch (thrown) {
      return refused(thrown);
    }
  };
}
