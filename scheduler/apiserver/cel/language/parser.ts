import { Uint, type Value, isError } from "../values.ts";
import type { Call, Expression, ListLiteral, MapEntry, MapLiteral } from "./ast.ts";
import { qualifiedName } from "./ast.ts";
import { tokenize, type Token } from "./lexer.ts";
import { expandMacro } from "./macros.ts";
import { SyntaxProblem } from "./problem.ts";

/** As in cel-go: a longer text is refused before it is read. In characters. */
const sourceLengthMax = 100_000;
/** How deep expressions may nest, so that nothing which walks them can run out of stack. */
const depthMax = 250;

const reserved = new Set(
  "as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

/**
 * Reads an expression. Throws SyntaxProblem. The grammar is CEL's with the optional syntax (`a.?b`, `a[?0]`, `[?a]`).
 * https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax
 */
export function parseExpression(source: string): Expression {
  if (source.length > sourceLengthMax)
    throw new SyntaxProblem(
      0,
      `expression code point size exceeds limit: size: ${source.length}, limit ${sourceLengthMax}`,
    );
  return new Parser(source).parse();
}

const binaryOperators: readonly (readonly string[])[] = [
  ["<", "<=", ">=", ">", "==", "!=", "in"],
  ["+", "-"],
  ["*", "/", "%"],
];

class Parser {
  readonly #tokens: readonly Token[];
  #position = 0;
  #depth = 0;
  /** How high the tree under a node is; loops make trees deeper than the parser's own recursion. */
  readonly #heights = new WeakMap<Expression, number>();

  constructor(source: string) {
    this.#tokens = tokenize(source);
  }

  parse(): Expression {
    const expression = this.#expression();
    const token = this.#token;
    if (token.kind !== "end")
      throw new SyntaxProblem(token.at, `Syntax error: mismatched input '${token.text}' expecting <EOF>`);
    return expression;
  }

  get #token(): Token {
    const token = this.#tokens[this.#position] ?? this.#tokens.at(-1);
    if (!token) throw new SyntaxProblem(0, "Syntax error: nothing to read");
    return token;
  }

  #takeMark(...texts: readonly string[]): Token | undefined {
    const token = this.#token;
    if (token.kind !== "mark" || !texts.includes(token.text)) return undefined;
    this.#position++;
    return token;
  }

  #expectMark(text: string): Token {
    const token = this.#takeMark(text);
    if (token) return token;
    const { at, text: found, kind } = this.#token;
    const how =
      kind === "end" ? `missing '${text}' at '<EOF>'` : `mismatched input '${found}' expecting '${text}'`;
    throw new SyntaxProblem(at, `Syntax error: ${how}`);
  }

  #made<E extends Expression>(expression: E, ...children: readonly Expression[]): E {
    let height = 0;
    for (const child of children) height = Math.max(height, this.#heights.get(child) ?? 0);
    this.#heights.set(expression, height + 1);
    if (height >= depthMax)
      throw new SyntaxProblem(expression.at, `expression recursion limit exceeded: ${depthMax}`);
    return expression;
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > depthMax)
      throw new SyntaxProblem(this.#token.at, `expression recursion limit exceeded: ${depthMax}`);
    const result = read();
    this.#depth--;
    return result;
  }

  #expression(): Expression {
    return this.#nested(() => {
      const condition = this.#logical("||", () => this.#logical("&&", () => this.#binary(0)));
      const question = this.#takeMark("?");
      if (!question) return condition;
      const yes = this.#logical("||", () => this.#logical("&&", () => this.#binary(0)));
      this.#expectMark(":");
      return this.#call(question.at, "_?_:_", [condition, yes, this.#expression()]);
    });
  }

  /** Long chains of one operator become balanced trees, which are shallow. */
  #logical(operator: string, read: () => Expression): Expression {
    const terms = [read()];
    const places: number[] = [];
    for (let token = this.#takeMark(operator); token; token = this.#takeMark(operator)) {
      places.push(token.at);
      terms.push(read());
    }
    const balance = (from: number, to: number): Expression => {
      const only = terms[from];
      if (to - from === 1 && only) return only;
      const middle = from + ((to - from + 1) >> 1);
      return this.#call(places[middle - 1] ?? 0, `_${operator}_`, [
        balance(from, middle),
        balance(middle, to),
      ]);
    };
    return balance(0, terms.length);
  }

  #binary(level: number): Expression {
    const operators = binaryOperators[level];
    if (!operators) return this.#unary();
    let left = this.#binary(level + 1);
    for (let token = this.#takeMark(...operators); token; token = this.#takeMark(...operators)) {
      const name = token.text === "in" ? "@in" : `_${token.text}_`;
      left = this.#call(token.at, name, [left, this.#binary(level + 1)]);
    }
    return left;
  }

  #unary(): Expression {
    const operator = this.#takeMark("!", "-");
    if (!operator) return this.#member(this.#primary(false));
    const next = this.#token;
    if (operator.text === "-" && next.kind === "literal" && isNumber(next.value))
      return this.#member(this.#primary(true));
    return this.#nested(() => this.#call(operator.at, operator.text === "!" ? "!_" : "-_", [this.#unary()]));
  }

  #member(start: Expression): Expression {
    let operand = start;
    for (;;) {
      const dot = this.#takeMark(".");
      const bracket = dot ? undefined : this.#takeMark("[");
      if (dot) operand = this.#selection(operand, dot.at);
      else if (bracket) {
        const isOptional = this.#takeMark("?") !== undefined;
        const index = this.#expression();
        this.#expectMark("]");
        operand = this.#call(bracket.at, isOptional ? "_[?_]" : "_[_]", [operand, index]);
      } else return operand;
    }
  }

  #selection(operand: Expression, at: number): Expression {
    const isOptional = this.#takeMark("?") !== undefined;
    const name = this.#name();
    const open = isOptional ? undefined : this.#takeMark("(");
    if (open) return this.#macroOrCall(open.at, name.text, operand, this.#expressions(")"));
    return this.#made({ kind: "select", at, operand, field: name.text, isTest: false, isOptional }, operand);
  }

  #name(): Token {
    const token = this.#token;
    if (token.kind !== "name")
      throw new SyntaxProblem(
        token.at,
        token.kind === "end"
          ? "Syntax error: no viable alternative at input '.'"
          : `Syntax error: no viable alternative at input '.${token.text}'`,
      );
    this.#position++;
    return token;
  }

  #primary(isNegative: boolean): Expression {
    const token = this.#token;
    if (token.kind === "literal") {
      this.#position++;
      return this.#made({ kind: "literal", at: token.at, value: literalValue(token, isNegative) });
    }
    if (token.kind === "name" || (token.kind === "mark" && token.text === ".")) return this.#nameOrCall();
    if (this.#takeMark("(")) {
      const inner = this.#expression();
      this.#expectMark(")");
      return inner;
    }
    if (this.#takeMark("[")) return this.#list(token.at);
    if (this.#takeMark("{")) return this.#map(token.at);
    throw new SyntaxProblem(
      token.at,
      `Syntax error: mismatched input '${token.text}' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}`,
    );
  }

  #nameOrCall(): Expression {
    const isRooted = this.#takeMark(".") !== undefined;
    const token = this.#name();
    if (reserved.has(token.text)) throw new SyntaxProblem(token.at, `reserved identifier: ${token.text}`);
    const open = this.#takeMark("(");
    if (open) return this.#macroOrCall(open.at, token.text, undefined, this.#expressions(")"));
    if (!isRooted && this.#isStructLiteral()) return this.#struct(token);
    return this.#made({ kind: "identifier", at: token.at, name: token.text });
  }

  /** `Name{` or `a.b.Name{`. */
  #isStructLiteral(): boolean {
    for (let at = this.#position; ; at += 2) {
      const token = this.#tokens[at];
      if (token?.kind !== "mark") return false;
      if (token.text === "{") return true;
      if (token.text !== "." || this.#tokens[at + 1]?.kind !== "name") return false;
    }
  }

  #struct(first: Token): Expression {
    let name = first.text;
    while (this.#takeMark(".")) name += `.${this.#name().text}`;
    this.#expectMark("{");
    while (this.#token.kind === "name") {
      this.#name();
      this.#expectMark(":");
      this.#expression();
      if (!this.#takeMark(",")) break;
    }
    this.#expectMark("}");
    return this.#made({ kind: "struct", at: first.at, name });
  }

  #list(at: number): ListLiteral {
    const elements: { readonly value: Expression; readonly isOptional: boolean }[] = [];
    while (!this.#isMark("]")) {
      const isOptional = this.#takeMark("?") !== undefined;
      elements.push({ value: this.#expression(), isOptional });
      if (!this.#takeMark(",")) break;
    }
    this.#expectMark("]");
    return this.#made({ kind: "list", at, elements }, ...elements.map(({ value }) => value));
  }

  #map(at: number): MapLiteral {
    const entries: MapEntry[] = [];
    while (!this.#isMark("}")) {
      const isOptional = this.#takeMark("?") !== undefined;
      const key = this.#expression();
      this.#expectMark(":");
      entries.push({ key, value: this.#expression(), isOptional });
      if (!this.#takeMark(",")) break;
    }
    this.#expectMark("}");
    return this.#made({ kind: "map", at, entries }, ...entries.flatMap(({ key, value }) => [key, value]));
  }

  #expressions(closing: string): readonly Expression[] {
    const list: Expression[] = [];
    if (!this.#isMark(closing)) {
      do list.push(this.#expression());
      while (this.#takeMark(","));
    }
    this.#expectMark(closing);
    return list;
  }

  #isMark(text: string): boolean {
    return this.#token.kind === "mark" && this.#token.text === text;
  }

  #call(at: number, name: string, operands: readonly Expression[]): Call {
    return this.#made({ kind: "call", at, name, target: undefined, arguments: operands }, ...operands);
  }

  #macroOrCall(
    at: number,
    name: string,
    target: Expression | undefined,
    operands: readonly Expression[],
  ): Expression {
    const children = target ? [target, ...operands] : operands;
    const expanded = expandMacro({ at, name, target, operands });
    // A macro may nest what it was given a few levels deeper and name its target twice, so its height is counted.
    if (expanded) return this.#made(expanded, ...children);
    if (target && qualifiedName(target) === undefined && reserved.has(name))
      throw new SyntaxProblem(at, `reserved identifier: ${name}`);
    return this.#made({ kind: "call", at, name, target, arguments: operands }, ...children);
  }
}

function isNumber(value: Value): boolean {
  return typeof value === "bigint" || typeof value === "number" || value instanceof Uint || isError(value);
}

function literalValue(token: Token & { readonly kind: "literal" }, isNegative: boolean): Value {
  const { value, at } = token;
  if (isError(value)) throw new SyntaxProblem(at, value.message);
  if (typeof value === "bigint") {
    const signed = isNegative ? -value : value;
    if (BigInt.asIntN(64, signed) !== signed) throw new SyntaxProblem(at, "invalid int literal");
    return signed;
  }
  if (value instanceof Uint) {
    if (isNegative || value.value >= 2n ** 64n) throw new SyntaxProblem(at, "invalid uint literal");
    return value;
  }
  return typeof value === "number" && isNegative ? -value : value;
}
