/**
 * The Swagger document in its two forms, put together from the pieces of each group version. Pieces are made once, as there
 * may be hundreds of kinds of which one has changed.
 */
import type { Kind } from "../registry.ts";
import type { JsonObject } from "../resource.ts";
import { frameV2, partV2 } from "./document-v2.ts";
import { encodeFrame, encodeNamedPath, encodeNamedSchema } from "./document-v2-protobuf.ts";
import { compareTexts } from "./group-order.ts";

/** By path or name, in one form. */
type Pieces<T> = ReadonlyMap<string, T>;

export interface SwaggerPart {
  readonly paths: Pieces<string>;
  readonly definitions: Pieces<string>;
}

export interface SwaggerProtobufPart {
  readonly paths: Pieces<Uint8Array>;
  readonly definitions: Pieces<Uint8Array>;
}

export function swaggerPart(kinds: readonly Kind[]): SwaggerPart {
  const { paths, definitions } = partV2(kinds);
  const piece = (name: string, value: unknown) => `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  return { paths: piecesOf(paths, piece), definitions: piecesOf(definitions, piece) };
}

export function swaggerProtobufPart(kinds: readonly Kind[]): SwaggerProtobufPart {
  const { paths, definitions } = partV2(kinds);
  return {
    paths: piecesOf(paths, encodeNamedPath),
    definitions: piecesOf(definitions, encodeNamedSchema),
  };
}

function piecesOf<T>(values: JsonObject, make: (name: string, value: unknown) => T): Pieces<T> {
  return new Map(Object.entries(values).map(([name, value]) => [name, make(name, value)]));
}

export function joinSwagger(parts: readonly SwaggerPart[], serverVersion: string): string {
  const { swagger, info, ...rest } = frameV2(serverVersion);
  const head = JSON.stringify({ swagger, info }).slice(0, -1);
  const paths = joined(parts.map((part) => part.paths)).join(",");
  const definitions = joined(parts.map((part) => part.definitions)).join(",");
  return `${head},"paths":{${paths}},"definitions":{${definitions}},${JSON.stringify(rest).slice(1)}`;
}

export function joinSwaggerProtobuf(parts: readonly SwaggerProtobufPart[], serverVersion: string): Buffer {
  const paths = joined(parts.map((part) => part.paths));
  const definitions = joined(parts.map((part) => part.definitions));
  return encodeFrame(frameV2(serverVersion), paths, definitions);
}

/** In the order of their names. Of a name that several have, the first one's: built-in kinds come first. */
function joined<T>(all: readonly Pieces<T>[]): readonly T[] {
  const byName = new Map<string, T>();
  for (const pieces of all)
    for (const [name, piece] of pieces) if (!byName.has(name)) byName.set(name, piece);
  return [...byName].sort(([a], [b]) => compareTexts(a, b)).map(([, piece]) => piece);
}
