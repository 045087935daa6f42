import { createHash } from "node:crypto";
import type { InstanceTemplate } from "../../api/gen/kinds.gen.ts";
import { configDigestAnnotation } from "../core/labels.ts";
import { type ConfigLookup, resolveTemplate } from "../core/templates/resolve-template.ts";
import { canonicalJson } from "../core/templates/template-hash.ts";
import { contentsId } from "./node-template.ts";

/**
 * Makes what a template reads from ConfigMaps and Secrets part of it, as an annotation: so a change there is a change of the
 * template, and is rolled out, kept and undone like any other.
 */
export class ConfigDigests {
  readonly #lastKnown = new Map<string, string>();
  readonly #held = new Set<string>();
  readonly #recorded: (ownerUid: string) => string | undefined;

  /** `recorded`: the digest in the template that was kept last, which a scheduler before this one has made. */
  constructor(recorded: (ownerUid: string) => string | undefined) {
    this.#recorded = recorded;
  }

  /**
   * The digest stays as it was while it is held, and while something that the template reads is missing: nothing is rolled
   * out that could not start.
   */
  addTo(template: InstanceTemplate, ownerUid: string, lookup: ConfigLookup): InstanceTemplate {
    const held = this.#held.has(ownerUid) ? this.#known(ownerUid) : undefined;
    const digest = held ?? this.#present(template, ownerUid, lookup) ?? this.#known(ownerUid);
    if (digest === undefined) return template;
    const annotations = { ...template.metadata?.annotations, [configDigestAnnotation]: digest };
    return { ...template, metadata: { ...template.metadata, annotations } };
  }

  /** False: there is no digest to hold. */
  hold(ownerUid: string): boolean {
    if (this.#known(ownerUid) === undefined) return false;
    this.#held.add(ownerUid);
    return true;
  }

  release(ownerUid: string): void {
    this.#held.delete(ownerUid);
  }

  forget(ownerUid: string): void {
    this.#held.delete(ownerUid);
    this.#lastKnown.delete(ownerUid);
  }

  #known(ownerUid: string): string | undefined {
    return this.#lastKnown.get(ownerUid) ?? this.#recorded(ownerUid);
  }

  #present(template: InstanceTemplate, ownerUid: string, lookup: ConfigLookup): string | undefined {
    const resolved = resolveTemplate(template.spec, lookup);
    if (resolved.kind === "missing") return undefined;
    const { spec, contents } = resolved.body;
    const hash = createHash("sha256").update(canonicalJson(spec.env ?? []));
    const digest = hash
      .update(`\0${contentsId(contents)}`)
      .digest("hex")
      .slice(0, 16);
    this.#lastKnown.set(ownerUid, digest);
    return digest;
  }
}
