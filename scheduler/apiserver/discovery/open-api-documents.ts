import type { Kind, Registry } from "../registry.ts";
import { documentV2 } from "./document-v2.ts";
import { encodeDocumentV2 } from "./document-v2-protobuf.ts";
import { documentV3 } from "./document-v3.ts";
import { compareTexts } from "./group-order.ts";
import { rootOf } from "./names.ts";
import { TaggedDocument } from "./tagged-document.ts";

interface Version3 {
  /** What it was made of. */
  readonly kinds: readonly Kind[];
  readonly document: TaggedDocument;
}

interface Made {
  readonly generation: number;
  readonly documents: ReadonlyMap<string, Version3>;
  readonly index: TaggedDocument;
}

interface Version2 {
  readonly generation: number;
  readonly json: TaggedDocument;
  protobuf: TaggedDocument | undefined;
}

/**
 * OpenAPI documents: what `kubectl explain` prints, by which clients learn what the server can do, and of which others
 * make types. Made when they are asked for. When kinds change, the documents of other group versions stay as they are.
 */
export class OpenApiDocuments {
  readonly #registry: Registry;
  readonly #serverVersion: string;
  #v3: Made | undefined;
  #v2: Version2 | undefined;

  constructor(registry: Registry, serverVersion: string) {
    this.#registry = registry;
    this.#serverVersion = serverVersion;
  }

  /** `/openapi/v3`: the paths of the documents, with their hashes. */
  get index(): TaggedDocument {
    return this.#version3().index;
  }

  /** `path`: as in the index, `apis/GROUP/VERSION` or `api/v1`. */
  get(path: string): TaggedDocument | undefined {
    return this.#version3().documents.get(path)?.document;
  }

  /** `/openapi/v2` in JSON. */
  get swagger(): TaggedDocument {
    return this.#version2().json;
  }

  /** `/openapi/v2` in protobuf. Has the tag of the JSON: it is the same document. */
  get swaggerProtobuf(): TaggedDocument {
    const made = this.#version2();
    if (!made.protobuf) {
      const { kinds } = this.#registry;
      made.protobuf = new TaggedDocument(
        encodeDocumentV2(documentV2(kinds, this.#serverVersion)),
        made.json.tag,
      );
    }
    return made.protobuf;
  }

  #version2(): Version2 {
    const { generation, kinds } = this.#registry;
    if (this.#v2?.generation === generation) return this.#v2;
    const json = new TaggedDocument(JSON.stringify(documentV2(kinds, this.#serverVersion)));
    return (this.#v2 = { generation, json, protobuf: undefined });
  }

  #version3(): Made {
    const { generation } = this.#registry;
    if (this.#v3?.generation === generation) return this.#v3;
    const known = this.#v3?.documents;
    const byPath = Map.groupBy(this.#registry.kinds, ({ resource }) => rootOf(resource));
    const documents = new Map(
      [...byPath]
        .sort(([a], [b]) => compareTexts(a, b))
        .map(([path, kinds]) => [path, this.#renewed(known?.get(path), kinds)]),
    );
    const paths = [...documents].map(([path, { document }]) => [
      path,
      { serverRelativeURL: urlOf(path, document) },
    ]);
    const index = new TaggedDocument(JSON.stringify({ paths: Object.fromEntries(paths) as object }));
    return (this.#v3 = { generation, documents, index });
  }

  #renewed(known: Version3 | undefined, kinds: readonly Kind[]): Version3 {
    if (known?.kinds.length === kinds.length && known.kinds.every((kind, at) => kind === kinds[at]))
      return known;
    const document = new TaggedDocument(JSON.stringify(documentV3(kinds, this.#serverVersion)));
    return { kinds, document };
  }
}

/** Where a document stands as long as it is the same: there, clients may keep it for ever. */
export function urlOf(path: string, document: TaggedDocument): string {
  return `/openapi/v3/${path}?hash=${document.tag}`;
}
