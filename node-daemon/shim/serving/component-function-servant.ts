/**
 * One instance of a component whose functions are called one after another. How bytes get in and out is the generated code's: see
 * components/script-functions.ts.
 */
import { isUtf8 } from "node:buffer";
import type { ComponentExports } from "../../components/bindings.ts";
import { functionsExport } from "../../components/script-functions.ts";
import type { ComponentGuest } from "../component-guest.ts";
import type { LoadedComponent } from "../module-store.ts";
import type { ComponentFunctions } from "./component-functions.ts";
import type { ComponentInstance } from "./component-instance.ts";
import { ComponentServant } from "./component-servant.ts";
import { giveError, giveOutput, notDeterministic, readAll, refuse } from "./function-call.ts";
import type { HandlerParts, Served, ServantEvents, ServedRequest } from "./handler.ts";

/** A component has a text for what is wrong, and no code. */
const errorCode = 1;

export class ComponentFunctionServant extends ComponentServant {
  readonly #parts: HandlerParts;
  readonly #functions: ComponentFunctions;

  constructor(
    parts: HandlerParts,
    loaded: LoadedComponent,
    functions: ComponentFunctions,
    events: ServantEvents,
  ) {
    // How many calls an instance takes, its seat counts.
    super(parts, loaded, events, { requestsPerInstance: Number.POSITIVE_INFINITY });
    this.#parts = parts;
    this.#functions = functions;
  }

  protected async answer(instance: ComponentInstance, request: ServedRequest): Promise<Served> {
    const { guest } = instance;
    const { head, body, answer } = request;
    const found = this.#functions.find(head.path);
    if (typeof found === "string") return refuse(answer, 404, found);
    if (head.call?.seed !== undefined) return refuse(answer, 400, notDeterministic);
    let input = readAll(body);
    if (input instanceof Promise) {
      input = await input;
      await guest.turn();
    }
    if (found.input === "text" && !isUtf8(input)) {
      return refuse(answer, 400, `the input is not UTF-8, and ${found.name} takes a string`);
    }
    const exports = await this.#start(instance);
    if (guest.killed) return this.failure(guest);
    guest.allowFuel(request.fuelMax);
    this.limitMemory(Math.max(request.memoryBytesMax, guest.memoryBytes));
    const outcome = await outcomeOf(guest, exports?.[functionsExport]?.[found.name], input);
    if (!outcome) {
      await guest.end();
      return this.failure(guest);
    }
    const { isError, output } = outcome;
    await (isError ? giveError(answer, errorCode, output) : giveOutput(answer, output));
    return { kind: "answered", reusable: !guest.killed };
  }

  /** What a caller allows is for the call; the start of an instance has what the template allows. */
  #start(instance: ComponentInstance): Promise<ComponentExports | undefined> {
    const { guest } = instance;
    if (!instance.isMade) {
      guest.allowOutput(this.#parts.serving.bodyBytesMax);
      guest.allowFuel(this.#parts.spec.fuelMax);
      this.limitMemory(Number.POSITIVE_INFINITY);
    }
    return this.exportsOf(instance);
  }
}

/** Undefined when it has failed, or was killed. */
async function outcomeOf(
  guest: ComponentGuest,
  callee: ((...args: unknown[]) => unknown) | undefined,
  input: Uint8Array,
) {
  const outcome = await guest.call(callee, [input]);
  if (outcome.kind === "ended") return undefined;
  guest.checkFuel();
  return guest.killed ? undefined : outputOf(outcome.value as Value);
}

/** As the generated code has it answer: bytes, or a result. */
type Value = Uint8Array | { readonly tag: "ok" | "err"; readonly val: Uint8Array };

function outputOf(value: Value): { readonly isError: boolean; readonly output: Uint8Array } {
  if (value instanceof Uint8Array) return { isError: false, output: value };
  return { isError: value.tag === "err", output: value.val };
}
