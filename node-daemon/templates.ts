import type { NodeTemplate, TemplateContents } from "./core/assignment.ts";
import { type ConfigOutcome, configureTemplate } from "./core/instance-config.ts";
import type { CheckpointChange, StoredTemplate } from "./session/checkpoint.ts";

export interface HeldTemplate {
  readonly id: string;
  /** Changes once at most: when a template comes after an instance that named it. */
  outcome: ConfigOutcome;
  arrived: boolean;
  users: number;
  /** Of the files that its instances see. Empty: they never change. */
  contentsId: string;
}

/**
 * The templates that instances here are made from. The scheduler sends each once per session, so one that nobody uses
 * any more is kept (with its files in the database, not in memory) until a new session begins.
 */
export class Templates {
  readonly #templates = new Map<string, HeldTemplate>();

  load(stored: readonly StoredTemplate[]): void {
    for (const { id, specJson, contentsId } of stored) {
      this.#add(id, configureTemplate(specJson), true).contentsId = contentsId;
    }
  }

  /** Returns what is to be stored. A template that is known can come with other files. */
  receive(template: NodeTemplate): readonly CheckpointChange[] {
    const known = this.#templates.get(template.id);
    const { id: templateId, contents, contentsId } = template;
    if (known?.arrived) return this.updateContents({ templateId, contents, contentsId });
    const outcome = configureTemplate(template.specJson);
    if (known) Object.assign(known, { outcome, arrived: true, contentsId });
    else this.#add(template.id, outcome, true).contentsId = contentsId;
    return [{ kind: "putTemplate", template }];
  }

  /**
   * Returns what is to be stored: nothing when the template has these files or is not known. Files that came without an
   * id are a part of what the template's id names, perhaps for two workloads that happened to be alike: they stay.
   */
  updateContents(update: TemplateContents): readonly CheckpointChange[] {
    const known = this.#templates.get(update.templateId);
    const { contentsId } = update;
    if (!known?.arrived || known.contentsId === "" || contentsId === "") return [];
    if (known.contentsId === contentsId) return [];
    known.contentsId = contentsId;
    return [{ kind: "putContents", contents: update }];
  }

  /** Which files the templates in use have, of those whose files may change. */
  contents(): readonly { readonly templateId: string; readonly contentsId: string }[] {
    return [...this.#templates.values()]
      .filter(({ users, contentsId }) => users > 0 && contentsId !== "")
      .map(({ id, contentsId }) => ({ templateId: id, contentsId }));
  }

  /** Counts a user. A template that never came is an instance's configuration fault. */
  use(id: string): HeldTemplate {
    const message = `template ${id} was not sent to this node; delete the instance, and the scheduler makes it anew`;
    const template = this.#templates.get(id) ?? this.#add(id, { kind: "invalid", message }, false);
    template.users++;
    return template;
  }

  /** Returns whether that was the last user, so that the template's files can go. */
  unuse(template: HeldTemplate): boolean {
    template.users--;
    return template.users === 0;
  }

  /** Returns what is to be removed from the disk. */
  forgetUnused(): readonly CheckpointChange[] {
    const unused = [...this.#templates.values()].filter(({ users }) => users === 0);
    for (const { id } of unused) this.#templates.delete(id);
    return unused.map(({ id }) => ({ kind: "removeTemplate", id }));
  }

  used(): readonly string[] {
    return [...this.#templates.values()].filter(({ users }) => users > 0).map(({ id }) => id);
  }

  #add(id: string, outcome: ConfigOutcome, arrived: boolean): HeldTemplate {
    const template = { id, outcome, arrived, users: 0, contentsId: "" };
    this.#templates.set(id, template);
    return template;
  }
}
