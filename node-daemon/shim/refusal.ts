import type { ComponentFacts } from "../components/component-facts.ts";
import { noCommandMessage, noFunctionsMessage, noHandlerMessage } from "../components/uses.ts";
import type { RunSpec } from "../runtimes/runtime-driver.ts";
import type { Loaded } from "./module-store.ts";
/** Leaves the preparation of an instance; `Instance.host` catches it. */
export class Refusal extends Error {
  readonly reason: string;
  readonly retryable: boolean;

  constructor(reason: string, message: string, retryable: boolean) {
    super(message);
    this.reason = reason;
    this.retryable = retryable;
  }
}

export function memoryLimitTooSmall(neededBytes: number, allowedBytes: number): Refusal {
  return new Refusal(
    "MemoryLimitTooSmall",
    `the module needs ${neededBytes} bytes of memory to start, its limit is ${allowedBytes}: set ` +
      `resources.limits.memory to ${Math.ceil(neededBytes / 2 ** 20)}Mi or more`,
    false,
  );
}

/** Of a component; looked at when it is prepared already. */
export function noCommand(facts: ComponentFacts): Refusal {
  return new Refusal("NoStartFunction", noCommandMessage(facts), false);
}

export function noHandler(facts: ComponentFacts): Refusal {
  return new Refusal("HandlerMissing", noHandlerMessage(facts), false);
}

export function noFunctions(facts: ComponentFacts): Refusal {
  return new Refusal("HandlerRefused", noFunctionsMessage(facts), false);
}

/** What comes from outside, at its own time, would make a deterministic run another one each time. */
export function checkDeterminism({ deterministic, network, attachment }: RunSpec, loaded: Loaded): void {
  if (!deterministic) return;
  const refuse = (why: string) => {
    throw new Refusal("DeterministicRefused", `start a deterministic run: ${why}`, false);
  };
  if (loaded.kind === "component") refuse("only core modules can be run so, and this is a component");
  else if (loaded.facts.mode !== "deterministic") refuse("its module was not prepared for that");
  if (network.allow.length > 0 || network.listeners.length > 0) refuse("it asks for the network");
  if (attachment !== undefined) refuse("a client is attached to its standard input");
}
