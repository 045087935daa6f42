import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where a local cluster keeps what. */
export interface StateDirectory {
  readonly root: string;
  readonly pki: string;
  readonly kubeconfig: string;
  readonly store: string;
  readonly logs: string;
  readonly lock: string;
  node(name: string): string;
}

/** Below the working directory. */
export const defaultStateDirectory = ".wherry";

export function storeFileOf(directory: StateDirectory): string {
  return join(directory.store, "store.db");
}

/** Makes the folders. Nobody but the owner may look into it, and git never takes it. */
export function openStateDirectory(root: string): StateDirectory {
  const directory: StateDirectory = {
    root,
    pki: join(root, "pki"),
    kubeconfig: join(root, "kubeconfig"),
    store: join(root, "scheduler"),
    logs: join(root, "logs"),
    lock: join(root, "up.lock"),
    node: (name) => join(root, "nodes", name),
  };
  for (const folder of [root, directory.pki, directory.store, directory.logs]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  chmodSync(directory.pki, 0o700);
  const ignore = join(root, ".gitignore");
  if (!existsSync(ignore)) writeFileSync(ignore, "*\n");
  return directory;
}

/** Writes a file that only its owner may read; whoever reads it sees the old or the new one, never half of it. */
export function writePrivateFile(path: string, content: string): void {
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, content, { mode: 0o600, flush: true });
  renameSync(draft, path);
}
