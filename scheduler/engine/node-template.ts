import { createHash, type Hash } from "node:crypto";
import type { TemplateBody, VolumeContent } from "../core/templates/resolve-template.ts";
import { canonicalJson } from "../core/templates/template-hash.ts";
import type { NodeTemplate } from "../nodes/node-port.ts";

/**
 * A resolved template as nodes get it. Its id names what never changes under an instance: the spec, with variables filled
 * in. Files have an id of their own, for they do change; so a template that has any belongs to its owner alone, and what
 * happens to look the same in another namespace does not get this one's Secrets later.
 */
export function nodeTemplate(ownerUid: string, { spec, contents }: TemplateBody): NodeTemplate {
  const specText = canonicalJson(spec);
  const digest = createHash("sha256").update(specText);
  if (contents.length > 0) digest.update(`\0${ownerUid}`);
  return {
    id: idOf(digest),
    specJson: Buffer.from(specText),
    contents,
    contentsId: contentsId(contents),
  };
}

/** Empty where there are no volumes with files. A volume without files counts: they may come later. */
export function contentsId(contents: readonly VolumeContent[]): string {
  if (contents.length === 0) return "";
  const digest = createHash("sha256");
  for (const { volume, files } of contents) {
    digest.update(`${volume}\0${files.length}\0`);
    for (const { path, data } of files) digest.update(`${path}\0${data.byteLength}\0`).update(data);
  }
  return idOf(digest);
}

function idOf(digest: Hash): string {
  return digest.digest("hex").slice(0, 32);
}
