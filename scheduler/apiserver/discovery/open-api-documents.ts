import { setImmediate as nextTurn } from "node:timers/promises";
import type { Kind, Registry } from "../registry.ts";
import { documentV3 } from "./document-v3.ts";
import { compareTexts } from "./group-order.ts";
import { rootOf } from "./names.ts";
import {
  joinSwagger,
  joinSwaggerProtobuf,
  type SwaggerPart,
  swaggerPart,
  type SwaggerProtobufPart,
  swaggerProtobufPart,
} from "./swagger.ts";
import { TaggedDocument } from "./tagged-document.ts";

/** One group version: what it is made of, and what has been made of it. */
interface GroupVersion {
  readonly kinds: readonly Kind[];
  document: TaggedDocument | undefined;
  swagger: SwaggerPart | undefined;
  swaggerProtobuf: SwaggerProtobufPart | undefined;
}

/** A document of all kinds, in one state of them. */
interface Whole {
  readonly generation: number;
  readonly document: TaggedDocument;
}

interface All {
  readonly generation: number;
  readonly entries: readonly (readonly [path: string, one: GroupVersion])[];
}

/** How long documents are made in one turn of the event loop. */
const turnMs = 5;

/**
 * OpenAPI documents: what `kubectl explain` prints, by which clients learn what the server can do, and of which others
 * make types. Made when they are asked for, one group version after the other, so that many kinds stop nobody else. When
 * kinds change, what was made of other group versions stays.
 */
export class OpenApiDocuments {
  readonly #registry: Registry;
  readonly #serverVersion: string;
  #generation = 0;
  #groupVersions: ReadonlyMap<string, GroupVersion> = new Map();
  #index: Whole | undefined;
  #swagger: Whole | undefined;
  #swaggerProtobuf: Whole | undefined;

  constructor(registry: Registry, serverVersion: string) {
    this.#registry = registry;
    this.#serverVersion = serverVersion;
  }

  /** `/openapi/v3`: the paths of the documents, with their hashes. */
  async index(): Promise<TaggedDocument> {
    const { generation, entries } = await this.#all((one) => this.#documentOf(one));
    this.#index = wholeOf(this.#index, generation, () => {
      const paths = entries.map(([path, one]) => [
        path,
        { serverRelativeURL: urlOf(path, this.#documentOf(one)) },
      ]);
      return new TaggedDocument(JSON.stringify({ paths: Object.fromEntries(paths) as object }));
    });
    return this.#index.document;
  }

  /** `path`: as in the index, `apis/GROUP/VERSION` or `api/v1`. */
  get(path: string): TaggedDocument | undefined {
    const one = this.#current().get(path);
    return one && this.#documentOf(one);
  }

  /** `/openapi/v2` in JSON. */
  async swagger(): Promise<TaggedDocument> {
    const partOf = (one: GroupVersion) => (one.swagger ??= swaggerPart(one.kinds));
    const { generation, entries } = await this.#all(partOf);
    this.#swagger = wholeOf(this.#swagger, generation, () => {
      const parts = entries.map(([, one]) => partOf(one));
      return new TaggedDocument(joinSwagger(parts, this.#serverVersion));
    });
    return this.#swagger.document;
  }

  /** `/openapi/v2` in protobuf. */
  async swaggerProtobuf(): Promise<TaggedDocument> {
    const partOf = (one: GroupVersion) => (one.swaggerProtobuf ??= swaggerProtobufPart(one.kinds));
    const { generation, entries } = await this.#all(partOf);
    this.#swaggerProtobuf = wholeOf(this.#swaggerProtobuf, generation, () => {
      const parts = entries.map(([, one]) => partOf(one));
      return new TaggedDocument(joinSwaggerProtobuf(parts, this.#serverVersion));
    });
    return this.#swaggerProtobuf.document;
  }

  /** All group versions, when each is prepared; they are those of now. */
  async #all(prepare: (one: GroupVersion) => unknown): Promise<All> {
    for (;;) {
      const current = this.#current();
      let endsMs = performance.now() + turnMs;
      for (const one of current.values()) {
        prepare(one);
        if (performance.now() < endsMs) continue;
        await nextTurn();
        endsMs = performance.now() + turnMs;
      }
      if (this.#current() === current) return { generation: this.#generation, entries: [...current] };
    }
  }

  #documentOf(one: GroupVersion): TaggedDocument {
    return (one.document ??= new TaggedDocument(JSON.stringify(documentV3(one.kinds, this.#serverVersion))));
  }

  #current(): ReadonlyMap<string, GroupVersion> {
    const { generation, kinds } = this.#registry;
    if (this.#generation === generation) return this.#groupVersions;
    const known = this.#groupVersions;
    this.#generation = generation;
    this.#groupVersions = new Map(
      [...Map.groupBy(kinds, ({ resource }) => rootOf(resource))]
        .sort(([a], [b]) => compareTexts(a, b))
        .map(([path, those]) => [path, renewed(known.get(path), those)]),
    );
    return this.#groupVersions;
  }
}

function wholeOf(known: Whole | undefined, generation: number, make: () => TaggedDocument): Whole {
  return known?.generation === generation ? known : { generation, document: make() };
}

function renewed(known: GroupVersion | undefined, kinds: readonly Kind[]): GroupVersion {
  const isSame = known?.kinds.length === kinds.length && known.kinds.every((kind, at) => kind === kinds[at]);
  if (known && isSame) return known;
  return { kinds, document: undefined, swagger: undefined, swaggerProtobuf: undefined };
}

/** Where a document stands as long as it is the same: there, clients may keep it for ever. */
export function urlOf(path: string, document: TaggedDocument): string {
  return `/openapi/v3/${path}?hash=${document.tag}`;
}
