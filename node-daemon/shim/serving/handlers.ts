import { assertNever } from "../../../kit/errors.ts";
import type { Loaded } from "../module-store.ts";
import { Refusal } from "../refusal.ts";
import { ComponentHandler } from "./component-handler.ts";
import { FunctionHandler } from "./function-handler.ts";
import type { Handler, HandlerParts } from "./handler.ts";
import { WagiHandler } from "./wagi-handler.ts";

/** Throws a {@link Refusal}. */
export function createHandler(parts: HandlerParts, loaded: Loaded): Handler {
  const { handler } = parts.serving;
  switch (handler) {
    case "wagi":
      if (loaded.kind === "module") return new WagiHandler(parts, loaded);
      throw wrongModule(handler, "it is a component; handler wagi runs WASI preview 1 commands");
    case "wasi-http":
      if (loaded.kind === "component") return new ComponentHandler(parts, loaded);
      throw wrongModule(
        handler,
        "it is a core module; handler wasi-http runs components, and handler wagi commands",
      );
    case "functions":
      return new FunctionHandler(parts, loaded);
    default:
      return assertNever(handler, "handler");
  }
}

function wrongModule(handler: string, why: string): Refusal {
  return new Refusal("HandlerRefused", `start a handler ${handler}: ${why}`, false);
}
