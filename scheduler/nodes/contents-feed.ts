/**
 * What one session does so that its node has the newest files of templates: which ones it has, and which are to be sent.
 *
 * Invariants:
 * - Of what waits for a template only the newest is sent, and nothing that the node has.
 * - A template that is assigned brings its files with it, so an update that waited for them is dropped; an update that
 *   comes after an assignment is written after it.
 * - A node that says to hold an instance gets its files only with a proof (see assignment-proofs.ts).
 * - Nothing is sent for a template, and nothing of it is remembered, once its last instance is released.
 * - A daemon that does not know that files change gets other files as another template.
 */
import type { HeldContents__Output } from "../../proto/gen/wherry/v1/HeldContents.ts";
import type { TemplateContents } from "../../proto/gen/wherry/v1/TemplateContents.ts";
import { batchItemsMax } from "../../proto/node-service.ts";
import type { Instance } from "../core/model.ts";
import type { AssignmentProofs, ProvenAssignment } from "./assignment-proofs.ts";
import { ContractViolation } from "./contract-violation.ts";
import { type ContentsUser, HeldContents } from "./held-contents.ts";
import type { Contents, ContentsOf, NodeTemplate } from "./node-port.ts";
import { writeContents } from "./wire.ts";

/** Of one node; it has no more templates than instances. */
const heldMax = 100_000;

export class ContentsFeed {
  /** As its daemon says. */
  canUpdate = false;
  readonly #nodeName: string;
  readonly #proofs: AssignmentProofs;
  readonly #held = new HeldContents();
  readonly #updates = new Map<string, Contents>();
  #told = 0;

  constructor(nodeName: string, proofs: AssignmentProofs) {
    this.#nodeName = nodeName;
    this.#proofs = proofs;
  }

  /** The node says what it has. */
  told(templates: readonly HeldContents__Output[]): void {
    if (!this.canUpdate) return;
    this.#told += templates.length;
    if (this.#told > heldMax) throw new ContractViolation(`contents of more than ${heldMax} templates`);
    for (const { templateId, contentsId } of templates) this.#held.told(templateId, contentsId);
  }

  /** The node says that it holds this instance, after it has told of contents. Without a proof it gets no other ones. */
  reported(instance: Instance, proof: string): void {
    if (proof !== "" && this.#proofs.isValid(proof, this.#assignmentOf(instance)))
      this.#held.reported(instance.uid, userOf(instance), instance.templateId);
  }

  /** To be sent with an instance of this template; empty where nothing changes. */
  proofOf(instance: Instance, { contentsId }: NodeTemplate): string {
    return contentsId === "" ? "" : this.#proofs.make(this.#assignmentOf(instance));
  }

  /** What the instance is to be sent with. */
  assigned(instance: Instance, template: NodeTemplate): NodeTemplate {
    if (!this.canUpdate) return withFixedContents(template);
    this.#held.assigned(instance.uid, userOf(instance), template);
    this.#updates.delete(template.id);
    return template;
  }

  /** The node may forget the instance, and with the last one of a template its files: they come with the next one. */
  released(uid: string): void {
    const templateId = this.#held.released(uid);
    if (templateId !== undefined) this.#updates.delete(templateId);
  }

  owners(): Iterable<string> {
    return this.#held.owners();
  }

  /** Whether the node, if it has the template, has it with these files. */
  isCurrent({ id, contentsId }: NodeTemplate): boolean {
    return contentsId === "" || this.#held.has(id, contentsId);
  }

  /** The template has been written, files and all. */
  sent({ id, contentsId }: NodeTemplate): void {
    this.#held.sent(id, contentsId);
  }

  /** Answers with the bytes that are to be sent. */
  update(ownerUid: string, contentsOf: ContentsOf): number {
    let bytes = 0;
    for (const { templateId, templateHash } of this.#held.templatesOf(ownerUid)) {
      const contents = contentsOf(templateHash);
      if (contents === undefined || contents.contentsId === "") continue;
      this.#updates.delete(templateId);
      if (this.#held.has(templateId, contents.contentsId)) continue;
      this.#updates.set(templateId, contents);
      bytes += contentBytes(contents);
    }
    return bytes;
  }

  #assignmentOf({ uid, owner, templateHash }: Instance): ProvenAssignment {
    return { nodeName: this.#nodeName, uid, ownerUid: owner.uid, templateHash };
  }

  get isDue(): boolean {
    return this.#updates.size > 0;
  }

  /** For one message: at least one, and else no more than `bytesMax`. */
  take(bytesMax: number): TemplateContents[] {
    const templates: TemplateContents[] = [];
    let bytes = 0;
    for (const [templateId, contents] of this.#updates) {
      bytes += contentBytes(contents);
      if (templates.length > 0 && bytes > bytesMax) break;
      this.#updates.delete(templateId);
      const { contentsId } = contents;
      this.#held.sent(templateId, contentsId);
      templates.push({ templateId, contentsId, contents: writeContents(contents.contents) });
      if (templates.length >= batchItemsMax) break;
    }
    return templates;
  }
}

/** On the wire, about: with something for each name. */
export function contentBytes({ contents }: Contents): number {
  let bytes = 0;
  for (const { files } of contents) {
    bytes += 64;
    for (const { path, data } of files) bytes += 64 + path.length + data.byteLength;
  }
  return bytes;
}

function userOf({ owner, templateHash }: Instance): ContentsUser {
  return { ownerUid: owner.uid, templateHash };
}

/** What never changes, and is therefore named by its contents as well. */
function withFixedContents(template: NodeTemplate): NodeTemplate {
  const { id, contentsId } = template;
  return contentsId === "" ? template : { ...template, id: `${id}-${contentsId}`, contentsId: "" };
}
