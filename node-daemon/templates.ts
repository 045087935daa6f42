import type { CheckpointChange } from "./session/checkpoint.ts";
import type { NodeTemplate } from "./core/assignment.ts";
import { type ConfigOutcome, configureTemplate } from "./core/instance-config.ts";

export interface HeldTemplate {
  readonly id: string;
  /** Changes once at most: when a template comes after an instance that named it. */
  outcome: ConfigOutcome;
  arrived: boolean;
  users: number;
}

/**
 * The templates that instances here are made from. The scheduler sends each once per session, so one that nobody uses
 * any more is kept (with its files in the database, not in memory) until a new session begins.
 */
export class Templates {
  readonly #templates = new Map<string, HeldTemplate>();

  load(stored: readonly { readonly id: string; readonly specJson: Uint8Array }[]): void {
    for (const { id, specJson } of stored) this.#add(id, configureTemplate(specJson), true);
  }

  /** Returns what is to be stored. */
  receive(template: NodeTemplate): readonly CheckpointChange[] {
    const known = this.#templates.get(template.id);
    if (known?.arrived) return [];
    const outcome = configureTemplate(template.specJson);
    if (known) Object.assign(known, { outcome, arrived: true });
    else this.#add(template.id, outcome, true);
    return [{ kind: "putTemplate", template }];
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
    const template = { id, outcome, arrived, users: 0 };
    this.#templates.set(id, template);
    return template;
  }
}
