import type { Registry } from "../registry.ts";
import {
  aggregatedDiscovery,
  coreVersions,
  groupList,
  groupsOf,
  resourceList,
  singleGroup,
  versionsOf,
} from "./discovery.ts";
import { TaggedDocument } from "./tagged-document.ts";

/** Documents of one state of the kinds. Some have an address in them, and the machine may have many. */
const documentsMax = 1_000;

/** What discovery answers, made once for each change of the kinds. */
export class DiscoveryDocuments {
  readonly #registry: Registry;
  #generation = 0;
  readonly #made = new Map<string, TaggedDocument>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** `/api` */
  coreVersions(address: string): TaggedDocument | undefined {
    return this.#get(`versions ${address}`, () => coreVersions(address));
  }

  /** `/apis` */
  groups(): TaggedDocument | undefined {
    return this.#get("groups", () => groupList(this.#registry));
  }

  /** `/apis/GROUP`; undefined when it is not served. */
  group(group: string): TaggedDocument | undefined {
    return this.#get(`group ${group}`, () => singleGroup(this.#registry, group));
  }

  /** `/apis/GROUP/VERSION`; undefined when it is not served. */
  resources(group: string, version: string): TaggedDocument | undefined {
    return this.#get(`resources ${group}/${version}`, () => resourceList(this.#registry, group, version));
  }

  /** `version`: of apidiscovery.k8s.io. */
  aggregated(core: boolean, version: string): TaggedDocument | undefined {
    return this.#get(`aggregated ${core} ${version}`, () =>
      aggregatedDiscovery(this.#registry, core, version),
    );
  }

  /** The paths of all groups and versions. */
  get paths(): readonly string[] {
    const groups = groupsOf(this.#registry).flatMap((group) => [
      `/apis/${group}`,
      ...versionsOf(this.#registry, group).map((version) => `/apis/${group}/${version}`),
    ]);
    return ["/api", "/api/v1", "/apis", "/apis/", ...groups];
  }

  #get(key: string, make: () => object | undefined): TaggedDocument | undefined {
    const { generation } = this.#registry;
    if (this.#generation !== generation || this.#made.size >= documentsMax) this.#made.clear();
    this.#generation = generation;
    const known = this.#made.get(key);
    if (known) return known;
    const body = make();
    if (!body) return undefined;
    const document = new TaggedDocument(`${JSON.stringify(body)}\n`);
    this.#made.set(key, document);
    return document;
  }
}
