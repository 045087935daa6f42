import { createHash } from "node:crypto";
import type { InstanceTemplate } from "../../api/gen/kinds.gen.ts";
import { configDigestAnnotation } from "../core/labels.ts";
import { type ConfigLookup, resolveTemplate } from "../core/templates/resolve-template.ts";
import { canonicalJson } from "../core/templates/template-hash.ts";

/**
 * Makes what a template reads from ConfigMaps and Secrets part of it, as an annotation: so a change there is a change of the
 * template, and is rolled out, kept and undone like any other.
 */
export class ConfigDigests {
  readonly #lastKnown = new Map<string, string>();

  /** While something that it reads is missing the digest stays as it was: nothing is rolled out that could not start. */
  addTo(template: InstanceTemplate, ownerUid: string, lookup: ConfigLookup): InstanceTemplate {
    const resolved = resolveTemplate(template.spec, lookup);
    if (resolved.kind === "resolved") {
      const hash = createHash("sha256").update(canonicalJson(resolved.body.spec.env ?? []));
      for (const { volume, files } of resolved.body.contents) {
        for (const { path, data } of files)
          hash.update(`\0${volume}\0${path}\0${data.byteLength}\0`).update(data);
      }
      this.#lastKnown.set(ownerUid, hash.digest("hex").slice(0, 16));
    }
    const digest = this.#lastKnown.get(ownerUid);
    if (digest === undefined) return template;
    const annotations = { ...template.metadata?.annotations, [configDigestAnnotation]: digest };
    return { ...template, metadata: { ...template.metadata, annotations } };
  }

  forget(ownerUid: string): void {
    this.#lastKnown.delete(ownerUid);
  }
}
