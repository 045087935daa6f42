import { foldersOf, offeredTest } from "../../../../../api/host-paths.ts";
import {
  listenPlaceText,
  listenRulesOf,
  listenRuleText,
  mayListen,
  type ListenPlace,
} from "../../../../../api/listen-rules.ts";
import type { ClusterNode, NodeGrants } from "../../../model.ts";
import { clipped } from "../../clipped.ts";
import { success, unresolvable, type FilterPlugin, type Verdict } from "../../framework.ts";

/**
 * The node must offer the namespace what the template takes of the machine: folders, files, and places to listen at. Paths are
 * compared as they are written; the node, which knows where links lead, has the last word.
 */
export const hostGrants: FilterPlugin = {
  name: "host-grants",
  reads: "node",
  prepare({ namespace, hostPaths, moduleFile: module, listeners }) {
    if (hostPaths.length === 0 && listeners.length === 0 && module === undefined) return undefined;
    const wanted: readonly WantedPath[] = [
      ...hostPaths.map((path) => ({ what: "hostPath", path, isOffered: offeredTest(path) })),
      ...(module === undefined ? [] : [{ what: "module", path: module, isOffered: offeredTest(module) }]),
    ];
    return ({ node: { grants } }: { readonly node: ClusterNode }): Verdict => {
      if (grants === undefined) return success;
      return judgePaths(wanted, grants, namespace) ?? judgeListeners(listeners, grants, namespace);
    };
  },
};

interface WantedPath {
  readonly what: string;
  readonly path: string;
  isOffered(folders: readonly string[]): boolean;
}

function judgePaths(
  wanted: readonly WantedPath[],
  { hostPaths }: NodeGrants,
  namespace: string,
): Verdict | undefined {
  if (wanted.length === 0) return undefined;
  const folders = foldersOf(hostPaths, namespace);
  const refused = wanted.find((one) => !one.isOffered(folders));
  if (refused === undefined) return undefined;
  return unresolvable(
    `node(s) that don't offer the ${refused.what} to the namespace`,
    `${refused.what} ${clipped(refused.path)} is in no folder that it offers to namespace ${namespace}: ${listed(folders)}`,
    "offer the folder on the node (wherry-node --allow-host-path, wherry up --host-path)",
  );
}

function judgeListeners(
  listeners: readonly ListenPlace[],
  { listen }: NodeGrants,
  namespace: string,
): Verdict {
  if (listeners.length === 0) return success;
  const rules = listenRulesOf(listen, namespace);
  const refused = listeners.find((listener) => !mayListen(rules, listener));
  if (refused === undefined) return success;
  return unresolvable(
    "node(s) that don't let the namespace listen there",
    `it does not let namespace ${namespace} listen at ${listenPlaceText(refused)}: it allows ${listed(rules.map(listenRuleText))}`,
    "allow it on the node (wherry-node --allow-listen, wherry up --listen)",
  );
}

function listed(offered: readonly string[]): string {
  return offered.length === 0 ? "none" : clipped(offered.join(", "));
}
