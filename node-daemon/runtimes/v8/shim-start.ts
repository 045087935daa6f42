import type { ChildProcess } from "node:child_process";
import type { ShimLimits } from "../../shim/limits.ts";
import type { ShimIdentity } from "../../shim/protocol.ts";
import type { ShimLauncher } from "./launcher.ts";
import { createShimFolder, removeShimFolder } from "./shim-folder.ts";
import { type OwnShimNeeds, processLimitsOf } from "./shim-needs.ts";
import { nodeFlags, type ShimProgram } from "./shim-program.ts";

export interface ShimStart {
  readonly folder: string;
  readonly identity: ShimIdentity;
  /** Undefined for one that many may share. */
  readonly own: OwnShimNeeds | undefined;
}

export interface ShimStarter {
  readonly program: ShimProgram;
  readonly execPath: string;
  readonly launcher: ShimLauncher;
  readonly limits: ShimLimits;
}

/** Makes the folder and the process; undefined, and neither, when nobody wants it any more. */
export async function startShim(
  { folder, identity, own }: ShimStart,
  { program, execPath, launcher, limits }: ShimStarter,
  isWanted: () => boolean,
): Promise<ChildProcess | undefined> {
  const heapMb = own?.heapMb;
  await createShimFolder(folder, {
    ...identity,
    limits,
    ...(heapMb !== undefined && { heapMb }),
    ...(own?.isolation === "confined" && { onlyRun: own.run }),
  });
  if (!isWanted()) {
    await removeShimFolder(folder);
    return undefined;
  }
  return launcher.launch({
    folder,
    execPath,
    nodeFlags: heapMb === undefined ? nodeFlags : [...nodeFlags, `--max-old-space-size=${heapMb}`],
    mainFile: program.mainFile,
    programPaths: [program.folder],
    isolation: identity.isolation,
    readOnlyPaths: own?.readOnlyPaths ?? [],
    writablePaths: own?.writablePaths ?? [],
    network: own?.network ?? true,
    ...(own && processLimitsOf(own)),
  });
}
