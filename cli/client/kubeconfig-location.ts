import { existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { Failure } from "../failure.ts";
import type { Terminal } from "../terminal.ts";

export interface KubeconfigLocation {
  readonly kind: "flag" | "environment" | "home" | "local";
  readonly files: readonly string[];
}

/** kubectl's order (flag, KUBECONFIG, home), and after it the cluster that `wherry up` made here. */
export function locateKubeconfig(
  flag: string | undefined,
  terminal: Pick<Terminal, "env" | "workingDirectory" | "homeDirectory">,
): KubeconfigLocation {
  if (flag !== undefined) return { kind: "flag", files: [resolve(terminal.workingDirectory, flag)] };
  const listed = (terminal.env["KUBECONFIG"] ?? "").split(delimiter).filter((file) => file !== "");
  if (listed.length > 0) {
    const paths = listed.map((file) => resolve(terminal.workingDirectory, file));
    const files = paths.filter((file) => existsSync(file));
    if (files.length === 0) throw new Failure(`KUBECONFIG names ${listed.join(", ")}, which does not exist`);
    return { kind: "environment", files };
  }
  const home = join(terminal.homeDirectory, ".kube", "config");
  if (existsSync(home)) return { kind: "home", files: [home] };
  const local = findLocalKubeconfig(terminal.workingDirectory);
  if (local) return { kind: "local", files: [local] };
  throw new Failure(
    `no cluster is known: there is neither KUBECONFIG, ~/.kube/config nor .wherry/kubeconfig in this folder or above it. ` +
      `Start a cluster here with "wherry up" (in a checkout: npm start), or name one with --kubeconfig`,
  );
}

/** `.wherry/kubeconfig` of the working directory or the nearest folder above it. */
export function findLocalKubeconfig(from: string): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const candidate = join(folder, ".wherry", "kubeconfig");
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}
