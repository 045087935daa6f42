import { compileJsonPath, type JsonPath } from "../../kit/json-path.ts";
import { Failure } from "../failure.ts";

/** What `--for` asks of each object. */
export type WaitGoal =
  | { readonly kind: "condition"; readonly type: string; readonly status: string }
  /** Without a value: that there is one. */
  | { readonly kind: "jsonpath"; readonly path: JsonPath; readonly value: string | undefined }
  /** As kstatus has it: its controllers have done all that the object asks for. */
  | { readonly kind: "current" }
  | { readonly kind: "create" }
  | { readonly kind: "delete" };

/** Reads `condition=TYPE[=STATUS]`, `jsonpath=PATH[=VALUE]`, `create`, `delete` and `current`. */
export function parseWaitGoal(text: string): WaitGoal {
  const word = text.toLowerCase();
  if (word === "delete" || word === "create" || word === "current") return { kind: word };
  if (text.startsWith("condition=")) return parseCondition(text.slice("condition=".length));
  if (text.startsWith("jsonpath=")) return parseJsonPathGoal(text.slice("jsonpath=".length));
  throw new Failure(
    `unrecognized condition: ${JSON.stringify(text)}; --for is one of condition=TYPE[=STATUS], jsonpath='{PATH}'[=VALUE], create, delete, current`,
  );
}

function parseCondition(text: string): WaitGoal {
  const at = text.indexOf("=");
  const type = at === -1 ? text : text.slice(0, at);
  const status = at === -1 ? "True" : text.slice(at + 1);
  if (type === "" || status === "")
    throw new Failure(
      `--for=condition=${text} does not say which condition; write it as --for=condition=Available or --for=condition=Available=False`,
    );
  return { kind: "condition", type, status };
}

const form = `jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'`;

function parseJsonPathGoal(text: string): WaitGoal {
  // The only single "=" is the one before the value: those of a filter are two.
  const [expression = "", value, ...more] = text.split(/(?<![=!<>])=(?!=)/);
  if (expression === "" || more.length > 0) throw new Failure(form);
  const wanted = value?.replaceAll(/^['"]+|['"]+$/g, "");
  if (wanted === "")
    throw new Failure(
      "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3",
    );
  return { kind: "jsonpath", path: compilePath(expression), value: wanted?.trim() };
}

/** `{.a}`, and as kubectl takes it `.a`, `a` and `{a}`. */
function compilePath(expression: string): JsonPath {
  const inner = expression.replace(/^\{(.*)\}$/s, "$1").replace(/^\$/, "");
  const path = /^[.[]/.test(inner) ? inner : `.${inner}`;
  try {
    if (/[{}]/.test(inner)) throw new TypeError("a brace is missing, or one is too many");
    return compileJsonPath(path);
  } catch (error) {
    throw new Failure(
      `--for=jsonpath: ${JSON.stringify(expression)} is no JSONPath that is understood; it may have names, [0], [1:2], [*] and filters such as [?(@.type=="Ready")]`,
      { cause: error },
    );
  }
}
