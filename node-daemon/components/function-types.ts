/** Types of functions and of values in components, as far as they are told to people, or decide whether a function can be called. */
export interface ValueType {
  /** As in WIT. What has fields, cases or a handle has its name, or says only what it is. */
  readonly text: string;
  /** What is known of it beyond its text. */
  readonly shape: Shape | undefined;
}

type Payload = "bytes" | "text";
type Shape = "u8" | Payload | "fallible bytes" | "fallible text";

export interface FunctionType {
  readonly params: readonly { readonly name: string; readonly type: ValueType }[];
  readonly result: ValueType | undefined;
  readonly isAsync: boolean;
}

/** Beyond it a type that is made of others is cut: each can have the one before it twice. */
const textCharactersMax = 200;

export function typeOf(text: string, shape?: Shape): ValueType {
  return { text: text.length > textCharactersMax ? `${text.slice(0, textCharactersMax)}…` : text, shape };
}

export function listOf(element: ValueType): ValueType {
  return typeOf(`list<${element.text}>`, element.shape === "u8" ? "bytes" : undefined);
}

export function resultOf(ok: ValueType | undefined, error: ValueType | undefined): ValueType {
  const shape =
    ok && isPayload(ok) && error?.shape === "text" ? (`fallible ${ok.shape}` as const) : undefined;
  if (error) return typeOf(`result<${ok?.text ?? "_"}, ${error.text}>`, shape);
  return typeOf(ok ? `result<${ok.text}>` : "result");
}

function isPayload(type: ValueType): type is ValueType & { readonly shape: Payload } {
  return type.shape === "bytes" || type.shape === "text";
}

export function textOf({ params, result, isAsync }: FunctionType): string {
  const list = params.map(({ name, type }) => `${name}: ${type.text}`).join(", ");
  return typeOf(`${isAsync ? "async " : ""}func(${list})${result ? ` -> ${result.text}` : ""}`).text;
}

/** What goes in, if a function of that type can be called with bytes and answers with bytes; undefined if it can not. */
export function inputOf({ params, result, isAsync }: FunctionType): Payload | undefined {
  const [only, ...more] = params;
  if (isAsync || only === undefined || more.length > 0 || !isPayload(only.type)) return undefined;
  if (result?.shape === undefined || result.shape === "u8") return undefined;
  return only.type.shape;
}

/** For authors. */
export const callableTypes =
  "func(input: list<u8>) -> list<u8> or -> result<list<u8>, string>, with string in place of either list<u8>";
