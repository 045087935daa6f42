/** Runs a script twice at once, on the modules as they are and on the rewritten ones, and compares. */
import { type Compilation, compile, type Compiled } from "./compile.ts";
import { engine, type EngineFunction, type EngineMemory } from "./engine.ts";
import { assembleText, parseText } from "./parse-text.ts";
import type { Expression } from "./s-expressions.ts";
import { type Action, type Command, type ModuleText, readScript } from "./script.ts";
import { ConstantPool, equal, matches, readValue, type Returned, type Value } from "./values.ts";
import { type Outcome, World } from "./world.ts";

export interface ScriptResult {
  readonly passed: number;
  /** Invalid modules that no parser of texts takes, which says nothing about binaries. */
  readonly texts: number;
  /** Where the engine itself does not do what the script says, and how often for which reason. */
  readonly differs: ReadonlyMap<string, number>;
  readonly failures: readonly string[];
}

interface Prepared {
  readonly line: number;
  readonly command: Command;
  readonly args: readonly Value[] | undefined;
  readonly results: readonly Value[] | undefined;
}

export async function runScript(source: string): Promise<ScriptResult> {
  const pool = new ConstantPool();
  const prepared = readScript(source).map(({ line, command }): Prepared => {
    const action = actionOf(command);
    const results = command.kind === "returns" ? command.results : [];
    return { line, command, args: readValues(action?.args ?? [], pool), results: readValues(results, pool) };
  });
  const run = new ScriptRun(pool);
  await run.fillPool();
  for (const { line, ...step } of prepared) await run.step(line, step);
  return run;
}

function actionOf(command: Command): Action | undefined {
  return "action" in command ? command.action : undefined;
}

function readValues(expressions: readonly Expression[], pool: ConstantPool): readonly Value[] | undefined {
  const values = expressions.map((expression) => readValue(expression, pool));
  const known = values.filter((value) => value !== undefined);
  return known.length === values.length ? known : undefined;
}

class ScriptRun implements ScriptResult {
  passed = 0;
  texts = 0;
  readonly differs = new Map<string, number>();
  readonly failures: string[] = [];
  readonly #pool: ConstantPool;
  readonly #original = new World("original");
  readonly #rewritten = new World("rewritten");
  readonly #definitions = new Map<string, Compiled | undefined>();
  #lastDefinition: Compiled | undefined;

  constructor(pool: ConstantPool) {
    this.#pool = pool;
  }

  async fillPool(): Promise<void> {
    const binary = await parseText(this.#pool.text);
    if (binary === undefined) throw new SyntaxError("the constants do not parse");
    const { exports } = new engine.Instance(new engine.Module(binary), {});
    (exports["fill"] as EngineFunction)();
    this.#pool.memory = new Uint8Array((exports["memory"] as EngineMemory).buffer);
  }

  async step(line: number, { command, args, results }: Omit<Prepared, "line">): Promise<void> {
    if (args === undefined || results === undefined) return this.#differ("values of an unknown form");
    switch (command.kind) {
      case "module":
        return this.#module(line, command);
      case "instance": {
        const { id, definition } = command;
        const module = definition === undefined ? this.#lastDefinition : this.#definitions.get(definition);
        return this.#compare(line, this.#instantiated(module, id), isReturned);
      }
      case "register":
        this.#original.register(command.name, command.instance);
        return this.#rewritten.register(command.name, command.instance);
      case "action":
        return this.#compare(line, this.#ran(command.action, args), () => true);
      case "returns":
        return this.#compare(line, this.#ran(command.action, args), (outcome) =>
          this.#returns(outcome, results),
        );
      case "throws":
        return this.#compare(
          line,
          this.#ran(command.action, args),
          (outcome) => outcome.kind === "threw" && outcome.fault === command.what,
        );
      case "starts badly":
        return this.#startsBadly(line, command.module, command.what);
      case "invalid":
        return this.#invalid(line, command.module);
      default:
        return this.#differ(`the command ${command.name}`);
    }
  }

  async #module(line: number, command: Extract<Command, { kind: "module" }>): Promise<void> {
    const found = (await this.#compiled(command)) ?? this.#assembled(command);
    const module = found.kind === "compiled" ? found : undefined;
    if (command.id !== undefined) this.#definitions.set(command.id, module);
    this.#lastDefinition = module;
    if (found.kind === "broken") this.failures.push(`line ${line}: ${found.what}`);
    if (command.definition) return found.kind === "compiled" ? this.#pass() : undefined;
    const outcomes = this.#instantiated(module, command.id);
    if (found.kind === "invalid") return this.#differ("a module that the engine refuses");
    this.#compare(line, outcomes, isReturned);
  }

  async #startsBadly(line: number, text: ModuleText, what: "trap" | "unlinkable"): Promise<void> {
    const found = (await this.#compiled(text)) ?? this.#assembled(text);
    if (found.kind === "invalid") return this.#differ("a module that the engine refuses");
    if (found.kind === "broken") return void this.failures.push(`line ${line}: ${found.what}`);
    const start = (world: World): Outcome => {
      const outcome = world.tryInstantiate(found);
      return outcome.kind === "made" ? { kind: "returned", values: [] } : outcome;
    };
    const expected = (outcome: Outcome) => outcome.kind === "threw" && outcome.fault === what;
    this.#compare(line, [start(this.#original), start(this.#rewritten)], expected);
  }

  async #invalid(line: number, text: ModuleText): Promise<void> {
    const found = await this.#compiled(text);
    if (found === undefined) return void this.texts++;
    if (found.kind === "invalid") return this.#pass();
    if (found.kind === "compiled") return this.#differ("an invalid module that the engine takes");
    this.failures.push(`line ${line}: ${found.what}`);
  }

  /** Undefined if its text does not parse. */
  async #compiled({ source }: ModuleText): Promise<Compilation | undefined> {
    const binary = source.kind === "binary" ? source.bytes : await parseText(source.text);
    return binary && compile(binary);
  }

  #assembled({ source }: ModuleText): Compilation {
    const binary = source.kind === "text" ? assembleText(source.text) : undefined;
    return binary === undefined ? { kind: "invalid" } : compile(binary);
  }

  #instantiated(module: Compiled | undefined, id: string | undefined): readonly [Outcome, Outcome] {
    return [this.#original.instantiate(module, id), this.#rewritten.instantiate(module, id)];
  }

  #ran(action: Action, args: readonly Value[]): readonly [Outcome, Outcome] {
    return [this.#original.run(action, args, this.#pool), this.#rewritten.run(action, args, this.#pool)];
  }

  #returns(outcome: Outcome, expected: readonly Value[]): boolean {
    if (outcome.kind === "threw" || outcome.values.length !== expected.length) return false;
    return expected.every((value, index) => {
      const found = outcome.values[index];
      return found !== undefined && matches(found, value, this.#pool);
    });
  }

  #compare(
    line: number,
    [original, rewritten]: readonly [Outcome, Outcome],
    isExpected: (outcome: Outcome) => boolean,
  ): void {
    const expected = isExpected(original);
    if (!alike(original, rewritten) || (expected && !isExpected(rewritten))) {
      this.failures.push(`line ${line}: ${formatOutcome(original)} became ${formatOutcome(rewritten)}`);
    } else if (expected) this.#pass();
    else this.#differ(`it ${formatOutcome(original)}`);
  }

  #pass(): void {
    this.passed++;
  }

  #differ(why: string): void {
    this.differs.set(why, (this.differs.get(why) ?? 0) + 1);
  }
}

const isReturned = (outcome: Outcome) => outcome.kind === "returned";

/** Whether they are the same as far as a guest or its user can tell. */
function alike(one: Outcome, other: Outcome): boolean {
  if (one.kind === "threw" || other.kind === "threw") {
    if (one.kind !== other.kind || one.kind === "returned" || other.kind === "returned") return false;
    // Messages of the linker count imports.
    return one.fault === other.fault && (one.fault !== "trap" || one.message === other.message);
  }
  return one.values.every((value, index) => alikeValues(value, other.values[index]));
}

function alikeValues(one: Returned, other: Returned | undefined): boolean {
  if (one.kind === "number") return other?.kind === "number" && equal(one.bytes, other.bytes);
  if (other?.kind !== "reference") return false;
  // Structs, arrays and functions of the two worlds are never the same.
  const { value } = one;
  const own = typeof value === "function" || (typeof value === "object" && value !== null && isOwn(value));
  return own ? typeof value === typeof other.value : value === other.value;
}

/** Aggregates of a guest have no prototype. */
function isOwn(value: object): boolean {
  return Object.getPrototypeOf(value) === null;
}

function formatOutcome(outcome: Outcome): string {
  if (outcome.kind === "threw") return `threw ${outcome.fault} ${outcome.message}`.trimEnd();
  const values = outcome.values.map((value) =>
    value.kind === "number"
      ? `${value.type} ${Buffer.from(value.bytes).toString("hex")}`
      : typeof value.value,
  );
  return `returned (${values.join(", ")})`;
}
