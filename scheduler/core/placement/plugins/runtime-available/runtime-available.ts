import { isInRange, parseVersionRange, type VersionRange } from "../../../../../api/version-range.ts";
import type { ClusterNode, PlacementRequirements } from "../../../model.ts";
import { clipped } from "../../clipped.ts";
import { success, unresolvable, type FilterPlugin } from "../../framework.ts";

type Wanted = Pick<PlacementRequirements, "runtime" | "runtimeVersion" | "runtimeFeatures">;
type Runtime = ClusterNode["runtimes"][number];

/** The node must advertise the runtime that the template names, in a version and with the features that will do. */
export const runtimeAvailable: FilterPlugin = {
  name: "runtime-available",
  reads: "node",
  prepare(wanted) {
    const { runtime, runtimeVersion, runtimeFeatures } = wanted;
    const range = parseVersionRange(runtimeVersion);
    const willDo = (one: Runtime) =>
      one.name === runtime &&
      isOfVersion(one, range) &&
      runtimeFeatures.every((feature) => one.features.includes(feature));
    return ({ node }) => (node.runtimes.some(willDo) ? success : refusal(node, wanted, range));
  },
};

/** A range that is none, which validation refuses, is met by no version. */
function isOfVersion({ version }: Runtime, range: VersionRange | undefined): boolean {
  return range !== undefined && isInRange(version, range);
}

function refusal(node: ClusterNode, wanted: Wanted, range: VersionRange | undefined) {
  const { runtime, runtimeVersion, runtimeFeatures } = wanted;
  const offered = node.runtimes.filter(({ name }) => name === runtime);
  if (offered.length === 0)
    return unresolvable(
      `node(s) without runtime ${runtime}`,
      `no runtime ${runtime}; it has ${listed(node.runtimes.map(({ name }) => name))}`,
      `install ${runtime} on the node`,
    );
  const ofVersion = offered.filter((one) => isOfVersion(one, range));
  const [first] = ofVersion;
  if (first === undefined) {
    const versions = listed(offered.map(({ version }) => version));
    return unresolvable(
      `node(s) without runtime ${runtime} ${runtimeVersion}`,
      `runtime ${runtime} is ${versions}, the template wants ${runtimeVersion}`,
      `install a ${runtime} of that version on the node, or allow ${versions}`,
    );
  }
  const lacking = listed(runtimeFeatures.filter((feature) => !first.features.includes(feature)));
  return unresolvable(
    `node(s) whose runtime ${runtime} lacks ${lacking}`,
    `runtime ${runtime} lacks ${lacking}; it has ${listed(first.features)}`,
    `do without ${lacking}, or install a ${runtime} that has it`,
  );
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? "none" : clipped(names.join(", "));
}
