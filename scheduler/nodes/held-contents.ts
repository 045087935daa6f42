import type { NodeTemplate, TemplateKey } from "./node-port.ts";

interface HeldBy extends TemplateKey {
  readonly templateId: string;
  users: number;
}

/**
 * Which files a node has, of those that may change, and for whose instances: so that it gets the newest once, and nobody
 * looks through instances to find that out. Bounded by the instances of the node that have such files.
 */
export class HeldContents {
  /** By template id: the contents that the node has said to have, or was sent last. */
  readonly #contents = new Map<string, string>();
  readonly #byUid = new Map<string, HeldBy>();
  readonly #byKey = new Map<string, Map<string, HeldBy>>();

  has(templateId: string, contentsId: string): boolean {
    return this.#contents.get(templateId) === contentsId;
  }

  /** The node says so, or was sent this. */
  note(templateId: string, contentsId: string): void {
    this.#contents.set(templateId, contentsId);
  }

  /** An instance that the node says to hold; it counts when the node has told of its template's contents. */
  reported(uid: string, key: TemplateKey, templateId: string): void {
    if (this.#contents.has(templateId)) this.#hold(uid, key, templateId);
  }

  assigned(uid: string, key: TemplateKey, template: NodeTemplate): void {
    if (template.contentsId !== "") this.#hold(uid, key, template.id);
  }

  /** The node may forget the instance. */
  released(uid: string): void {
    const by = this.#byUid.get(uid);
    if (!by) return;
    this.#byUid.delete(uid);
    if (--by.users > 0) return;
    const templates = this.#byKey.get(textOf(by));
    templates?.delete(by.templateId);
    if (templates?.size === 0) this.#byKey.delete(textOf(by));
  }

  /** Several while instances from before a change of variables are there. */
  *templateIds(key: TemplateKey): Iterable<string> {
    yield* this.#byKey.get(textOf(key))?.keys() ?? [];
  }

  /** Each once. */
  *keys(): Iterable<TemplateKey> {
    for (const templates of this.#byKey.values()) {
      const [first] = templates.values();
      if (first) yield { ownerUid: first.ownerUid, templateHash: first.templateHash };
    }
  }

  #hold(uid: string, key: TemplateKey, templateId: string): void {
    if (this.#byUid.has(uid)) return;
    const text = textOf(key);
    const templates = this.#byKey.get(text) ?? new Map<string, HeldBy>();
    this.#byKey.set(text, templates);
    const { ownerUid, templateHash } = key;
    const by = templates.get(templateId) ?? { ownerUid, templateHash, templateId, users: 0 };
    templates.set(templateId, by);
    by.users++;
    this.#byUid.set(uid, by);
  }
}

function textOf({ ownerUid, templateHash }: TemplateKey): string {
  return `${ownerUid}/${templateHash}`;
}
