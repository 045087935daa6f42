import { conversions } from "./functions/conversions.ts";
import type { Overload } from "./functions/declare.ts";
import { namedFormats } from "./functions/formats.ts";
import { lists } from "./functions/lists.ts";
import { CIDR, IP, network } from "./functions/network.ts";
import { operators } from "./functions/operators.ts";
import { optionals } from "./functions/optionals.ts";
import { quantities, QUANTITY } from "./functions/quantities.ts";
import { regex } from "./functions/regex.ts";
import { SEMVER, semvers } from "./functions/semvers.ts";
import { strings } from "./functions/strings.ts";
import { times } from "./functions/times.ts";
import { urls } from "./functions/urls.ts";
import type { Environment } from "./language/checker.ts";
import * as types from "./language/types.ts";
import type { Type } from "./language/types.ts";
import { mapInsertions } from "./functions/map-insertions.ts";

const libraries: readonly (readonly Overload[])[] = [
  operators,
  conversions,
  strings,
  lists,
  regex,
  times,
  optionals,
  mapInsertions,
  quantities,
  semvers,
  network,
  urls,
  namedFormats,
];

/** Every function of Kubernetes 1.35's environment for rules, by name. */
export const functions: ReadonlyMap<string, readonly Overload[]> = Map.groupBy(
  libraries.flat(),
  ({ name }) => name,
);

export const typeNames: ReadonlyMap<string, Type> = new Map<string, Type>([
  ["bool", types.BOOL],
  ["int", types.INT],
  ["uint", types.UINT],
  ["double", types.DOUBLE],
  ["string", types.STRING],
  ["bytes", types.BYTES],
  ["list", types.listOf(types.DYN)],
  ["map", types.mapOf(types.DYN, types.DYN)],
  ["null_type", types.NULL],
  ["type", types.TYPE],
  ["google.protobuf.Timestamp", types.TIMESTAMP],
  ["google.protobuf.Duration", types.DURATION],
  ["optional_type", types.optionalOf(types.DYN)],
  [IP.name, IP],
  [CIDR.name, CIDR],
  [QUANTITY.name, QUANTITY],
  [SEMVER.name, SEMVER],
  ["kubernetes.URL", types.opaque("kubernetes.URL")],
  ["kubernetes.NamedFormat", types.opaque("kubernetes.NamedFormat")],
]);

export function environmentOf(variables: ReadonlyMap<string, Type>): Environment {
  return { functions, typeNames, variables };
}
