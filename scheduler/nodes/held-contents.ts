import type { NodeTemplate } from "./node-port.ts";

/** Whose instances see the files, as a rollout tells templates apart. */
export interface ContentsUser {
  readonly ownerUid: string;
  readonly templateHash: string;
}

interface HeldTemplate extends ContentsUser {
  readonly templateId: string;
  users: number;
}

/**
 * Which files a node has, of those that may change, and for whose instances: so that it gets the newest once, and nobody
 * looks through instances to find that out. Bounded by the instances of the node that have such files, and by what it tells.
 */
export class HeldContents {
  /** By template id: the contents that the node has said to have, or was sent last. */
  readonly #contents = new Map<string, string>();
  /** By template id: how many instances have it, of any owner. */
  readonly #users = new Map<string, number>();
  readonly #byUid = new Map<string, HeldTemplate>();
  /** By owner, then by template id: several during a rollout, and while instances from before a change of variables are there. */
  readonly #byOwner = new Map<string, Map<string, HeldTemplate>>();

  has(templateId: string, contentsId: string): boolean {
    return this.#contents.get(templateId) === contentsId;
  }

  /** The node says so, before it says which instances it holds. */
  told(templateId: string, contentsId: string): void {
    this.#contents.set(templateId, contentsId);
  }

  /** What comes too late, for instances that are released, is not remembered. */
  sent(templateId: string, contentsId: string): void {
    if (this.#users.has(templateId)) this.#contents.set(templateId, contentsId);
  }

  /** An instance that the node says to hold; it counts when the node has told of its template's contents. */
  reported(uid: string, user: ContentsUser, templateId: string): void {
    if (this.#contents.has(templateId)) this.#hold(uid, user, templateId);
  }

  assigned(uid: string, user: ContentsUser, template: NodeTemplate): void {
    if (template.contentsId !== "") this.#hold(uid, user, template.id);
  }

  /** The node may forget the instance. Answers with its template if nobody else has that. */
  released(uid: string): string | undefined {
    const held = this.#byUid.get(uid);
    if (!held) return undefined;
    const { ownerUid, templateId } = held;
    this.#byUid.delete(uid);
    if (--held.users === 0) {
      const templates = this.#byOwner.get(ownerUid);
      templates?.delete(templateId);
      if (templates?.size === 0) this.#byOwner.delete(ownerUid);
    }
    const users = (this.#users.get(templateId) ?? 1) - 1;
    if (users > 0) {
      this.#users.set(templateId, users);
      return undefined;
    }
    this.#users.delete(templateId);
    this.#contents.delete(templateId);
    return templateId;
  }

  owners(): Iterable<string> {
    return this.#byOwner.keys();
  }

  templatesOf(ownerUid: string): Iterable<{ readonly templateId: string; readonly templateHash: string }> {
    return this.#byOwner.get(ownerUid)?.values() ?? [];
  }

  #hold(uid: string, user: ContentsUser, templateId: string): void {
    if (this.#byUid.has(uid)) return;
    const { ownerUid, templateHash } = user;
    const templates = this.#byOwner.get(ownerUid) ?? new Map<string, HeldTemplate>();
    this.#byOwner.set(ownerUid, templates);
    const held = templates.get(templateId) ?? { ownerUid, templateHash, templateId, users: 0 };
    templates.set(templateId, held);
    held.users++;
    this.#users.set(templateId, (this.#users.get(templateId) ?? 0) + 1);
    this.#byUid.set(uid, held);
  }
}
