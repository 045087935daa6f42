/** For authors whose component exports another of what can be used. */
import type { ComponentFacts } from "./component-facts.ts";
import { callableTypes } from "./function-types.ts";

type Exports = Pick<ComponentFacts, "run" | "handler" | "otherFunctions">;

export function noCommandMessage({ handler }: Exports): string {
  return handler === undefined
    ? "the component exports functions and no command (wasi:cli/run): give the template functions: {}"
    : "the component exports an HTTP handler (wasi:http/incoming-handler) and no command (wasi:cli/run): give the template " +
        "http: {handler: wasi-http}";
}

export function noHandlerMessage({ run }: Exports): string {
  return run === undefined
    ? "the component exports functions and no HTTP handler (wasi:http/incoming-handler@0.2): give the template functions: {} " +
        "instead of http, or build a component that exports one"
    : "the component exports a command (wasi:cli/run) and no HTTP handler (wasi:http/incoming-handler@0.2): leave http out of the " +
        "template, or build a component that exports one";
}

export function noFunctionsMessage({ otherFunctions }: Pick<Exports, "otherFunctions">): string {
  return `the component exports no function that can be called: those of type ${callableTypes} can${list(otherFunctions)}`;
}

/** Those that it exports all the same. */
function list(others: Exports["otherFunctions"]): string {
  if (others.length === 0) return "";
  return `. It exports ${others.map(({ name, why }) => `${name} (${why})`).join(", ")}`;
}
