/**
 * Whether a module can do what it is to be used for: to run once, or to answer requests in one of the ways there are. Pure; every
 * answer is for the module's author.
 */
import { assertNever } from "../../../kit/errors.ts";
import type { ComponentFacts } from "../../components/component-facts.ts";
import { noCommandMessage, noFunctionsMessage, noHandlerMessage } from "../../components/uses.ts";
import { functionsFault } from "../../shim/serving/function-exports.ts";
import type { ModuleFacts } from "../../wasm/module-facts.ts";
import type { PrepareRequest } from "../runtime-driver.ts";
import { boundedName, plainSignature, type Rejection } from "./check-module.ts";

/** Absent: a command. */
export type Use = PrepareRequest["serves"];

const asAHandler =
  "To answer HTTP requests, give the template http: {handler: wagi} for a command that prints its answer, or build it as a component " +
  "that exports wasi:http/incoming-handler";

/** Undefined when the core module can be used so. */
export function checkModuleUse(facts: Pick<ModuleFacts, "exports">, use: Use): Rejection | undefined {
  switch (use) {
    case undefined:
      return checkStart(facts, ", or give the template functions: {} to have its functions called");
    case "wagi":
      return checkStart(facts, ". For http: {handler: wagi} it runs once for each request");
    case "wasi-http":
      return {
        kind: "rejected",
        reason: "HandlerMissing",
        message: `the module is no component, so it cannot export wasi:http/incoming-handler. ${asAHandler}`,
      };
    case "functions":
      return checkFunctions(facts);
    default:
      return assertNever(use, "use");
  }
}

function checkFunctions(facts: Pick<ModuleFacts, "exports">): Rejection | undefined {
  const fault = functionsFault(facts);
  if (fault === undefined) return undefined;
  return {
    kind: "rejected",
    reason: "FunctionsMissing",
    message: `the module has no functions to call: ${fault}`,
  };
}

/** The same for a component, which can be all of it: a command, a handler, a library of functions. */
export function checkComponentUse(
  facts: Pick<ComponentFacts, "run" | "handler" | "functions" | "otherFunctions">,
  use: Use,
): Rejection | undefined {
  switch (use) {
    case undefined:
      if (facts.run !== undefined) return undefined;
      return { kind: "rejected", reason: "NoStartFunction", message: noCommandMessage(facts) };
    case "wagi":
      return noCoreModule;
    case "wasi-http":
      if (facts.handler !== undefined) return undefined;
      return { kind: "rejected", reason: "HandlerMissing", message: noHandlerMessage(facts) };
    case "functions":
      if (facts.functions.length > 0) return undefined;
      return { kind: "rejected", reason: "FunctionsMissing", message: noFunctionsMessage(facts) };
    default:
      return assertNever(use, "use");
  }
}

export const noCoreModule: Rejection = {
  kind: "rejected",
  reason: "HandlerMissing",
  message:
    "this is a component, and http: {handler: wagi} runs core modules: build it for WASI preview 1 (wasm32-wasip1), or let it export " +
    "wasi:http/incoming-handler and say handler: wasi-http",
};

function checkStart(facts: Pick<ModuleFacts, "exports">, why: string): Rejection | undefined {
  const start = facts.exports.find((entry) => entry.name === "_start");
  if (
    start?.kind === "function" &&
    plainSignature(start.signature ?? "() -> ()") === plainSignature("() -> ()")
  )
    return undefined;
  const isReactor = facts.exports.some((entry) => entry.name === "_initialize");
  const what = isReactor
    ? "it is a library (a WASI reactor)"
    : "it is a library, or was built for another host";
  const found = start
    ? `exports _start as ${start.kind} ${boundedName(start.signature ?? "")}`
    : "does not export _start";
  return {
    kind: "rejected",
    reason: "NoStartFunction",
    message: `the module ${found}: ${what}. Build it as a command, with a main function${why}`,
  };
}
