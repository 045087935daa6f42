import type { ApiObject } from "../../api/object-meta.ts";

/** The priority that an instance gets when it is made. It keeps it, whatever becomes of the class. */
export type PriorityOutcome =
  | {
      readonly kind: "known";
      readonly name: string;
      readonly value: number;
      /** Whether instances of it may take the place of others. */
      readonly preempts: boolean;
    }
  | { readonly kind: "unknown"; readonly message: string };

interface PriorityClass {
  readonly value: number;
  readonly preempts: boolean;
  readonly isDefault: boolean;
}

const noClass: PriorityOutcome = { kind: "known", name: "", value: 0, preempts: true };

/** The PriorityClasses (scheduling.k8s.io/v1) that there are. The engine tells it of every one. */
export class PriorityClasses {
  readonly #classes = new Map<string, PriorityClass>();
  #default = noClass;

  put({ metadata: { name }, value, globalDefault, preemptionPolicy }: ApiObject): void {
    this.#classes.set(name, {
      value: typeof value === "number" ? value : 0,
      preempts: preemptionPolicy !== "Never",
      isDefault: globalDefault === true,
    });
    this.#findDefault();
  }

  delete({ metadata: { name } }: ApiObject): void {
    this.#classes.delete(name);
    this.#findDefault();
  }

  /** Of what names this class, or none. */
  resolve(name: string | undefined): PriorityOutcome {
    if (name === undefined || name === "") return this.#default;
    const found = this.#classes.get(name);
    if (found) return { kind: "known", name, value: found.value, preempts: found.preempts };
    return { kind: "unknown", message: `no PriorityClass with name ${name} was found` };
  }

  /** Of several, which only a race can make, the lowest, as in Kubernetes. */
  #findDefault(): void {
    this.#default = noClass;
    for (const [name, { value, preempts, isDefault }] of this.#classes)
      if (isDefault && (this.#default === noClass || value < valueOf(this.#default)))
        this.#default = { kind: "known", name, value, preempts };
  }
}

function valueOf(outcome: PriorityOutcome): number {
  return outcome.kind === "known" ? outcome.value : 0;
}
