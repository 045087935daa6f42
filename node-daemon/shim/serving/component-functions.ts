/** The functions of a component by the names that callers have for them. */
import type { CallableFunction, ComponentFacts } from "../../components/component-facts.ts";
import { callableTypes } from "../../components/function-types.ts";
import { quoted, unknownFunction } from "./function-call.ts";

/** `undefined`: there are several. */
type Found<T> = ReadonlyMap<string, T | undefined>;

export class ComponentFunctions {
  readonly #names: readonly string[];
  readonly #functions: Found<CallableFunction>;
  readonly #others: Found<ComponentFacts["otherFunctions"][number]>;

  constructor({ functions, otherFunctions }: Pick<ComponentFacts, "functions" | "otherFunctions">) {
    this.#names = functions.map(({ name }) => name);
    this.#functions = bySpelling(functions);
    this.#others = bySpelling(otherFunctions);
  }

  /** Or why there is none, for its caller. */
  find(name: string): CallableFunction | string {
    const found = this.#functions.get(name);
    if (found) return found;
    if (this.#functions.has(name))
      return `several interfaces export ${quoted(name)}: ${this.#fullNames(name)}`;
    const other = this.#others.get(name);
    if (other)
      return `${other.name} (${other.why}) can not be called: functions of type ${callableTypes} can`;
    return unknownFunction("component", name, this.#names);
  }

  #fullNames(name: string): string {
    const those = this.#names.filter((full) => spellings(full).includes(name));
    return `call it ${those.slice(0, 16).join(" or ")}`;
  }
}

function bySpelling<T extends { readonly name: string }>(functions: readonly T[]): Found<T> {
  const found = new Map<string, T | undefined>();
  for (const named of functions) {
    for (const spelling of spellings(named.name))
      found.set(spelling, found.has(spelling) ? undefined : named);
  }
  // A name that is spelled out means what it says.
  for (const named of functions) found.set(named.name, named);
  return found;
}

/** `acme:shop/pricing@1.2.3#quote` is called so, without the version, or `quote`. Each once. */
function spellings(name: string): readonly string[] {
  const [owner = "", member] = name.split("#");
  if (member === undefined) return [name];
  return [...new Set([name, `${owner.replace(/@.*/, "")}#${member}`, member])];
}
