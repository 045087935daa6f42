import type { IncludeObject } from "../output/table.ts";
import { ApiError } from "../status.ts";

/** In what form a client wants its answer. `version` is that of meta.k8s.io: v1 or v1beta1. */
export type Representation =
  | { readonly kind: "object"; readonly yaml: boolean }
  | { readonly kind: "table"; readonly version: string; readonly include: IncludeObject }
  | { readonly kind: "partial"; readonly version: string };

export interface MediaRange {
  readonly type: string;
  readonly params: ReadonlyMap<string, string>;
}

/** Header values longer than this are refused. */
const acceptLengthMax = 4096;

/** In the client's order; weights are ignored, as Kubernetes' clients list what they prefer first. */
export function parseAccept(header: string | undefined): readonly MediaRange[] {
  if (header === undefined || header.trim() === "") return [{ type: "*/*", params: new Map() }];
  if (header.length > acceptLengthMax) throw notAcceptable();
  return header.split(",").map((range) => {
    const [type = "", ...params] = range.split(";").map((part) => part.trim());
    const pairs = params.map((param): [string, string] => {
      const [name = "", value = ""] = param.split("=");
      return [name.trim().toLowerCase(), value.trim()];
    });
    return { type: type.toLowerCase(), params: new Map(pairs) };
  });
}

const jsonTypes = new Set(["application/json", "application/*", "*/*"]);
const yamlTypes = new Set(["application/yaml", "application/x-yaml", "text/yaml"]);
const metaVersions = new Set(["v1", "v1beta1"]);

/** The first range that we can answer. Throws NotAcceptable when there is none (protobuf alone, for example). */
export function negotiate(ranges: readonly MediaRange[], includeObject: string | null): Representation {
  for (const { type, params } of ranges) {
    const as = params.get("as");
    const version = params.get("v") ?? "v1";
    if (yamlTypes.has(type) && as === undefined) return { kind: "object", yaml: true };
    if (!jsonTypes.has(type)) continue;
    if (as === undefined) return { kind: "object", yaml: false };
    if (params.get("g") !== "meta.k8s.io" || !metaVersions.has(version)) continue;
    if (as === "Table") return { kind: "table", version, include: includeOf(includeObject) };
    if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList")
      return { kind: "partial", version };
  }
  throw notAcceptable();
}

function includeOf(text: string | null): IncludeObject {
  switch (text) {
    case null:
    case "":
    case "Metadata":
      return "Metadata";
    case "None":
    case "Object":
      return text;
    default:
      throw new ApiError("BadRequest", `includeObject must be None, Metadata or Object, not ${text}`);
  }
}

export function notAcceptable(): ApiError {
  return new ApiError(
    "NotAcceptable",
    "only the following media types are accepted: application/json, application/yaml, application/json;as=Table;v=v1;g=meta.k8s.io",
  );
}
