/**
 * What a test's JSON file asks for, as doc/specification.md of the suite defines it: the legacy form (arguments, root,
 * environment, expected output and exit code) becomes operations. Pure.
 */
export type StreamName = "stdout" | "stderr";

export type Operation =
  | {
      readonly kind: "run";
      readonly args: readonly string[];
      readonly env: readonly (readonly [string, string])[];
      /** Beside the test's file. */
      readonly root: string | undefined;
    }
  /** `whole`: nothing else may have been written when the test has ended. */
  | { readonly kind: "read"; readonly stream: StreamName; readonly payload: string; readonly whole: boolean }
  | { readonly kind: "write"; readonly payload: string }
  | { readonly kind: "connect"; readonly id: string }
  | { readonly kind: "send"; readonly id: string; readonly payload: string }
  | { readonly kind: "recv"; readonly id: string; readonly payload: string }
  | { readonly kind: "request"; readonly method: string; readonly path: string }
  | { readonly kind: "kill" }
  | { readonly kind: "wait"; readonly exitCode: number };

export interface Specification {
  readonly world: string;
  readonly proposals: readonly string[];
  /** Names of HTTP servers that are to be there. */
  readonly servers: readonly string[];
  readonly operations: readonly Operation[];
}

const commandWorld = "wasi:cli/command";

type Fields = Readonly<Record<string, unknown>>;

/** Of the file's text, or of no file. Throws an Error that says what is wrong with it. */
export function parseSpecification(text: string | undefined): Specification {
  const config = fieldsOf(text === undefined ? {} : (JSON.parse(text) as unknown), "the specification");
  const isNew = ["operations", "proposals", "servers", "world"].some((key) => config[key] !== undefined);
  const operations = isNew ? operationsOf(config["operations"]) : legacyOperations(config);
  checkOrder(operations);
  return {
    world: textOf(config["world"], commandWorld, "world"),
    proposals: listOf(config["proposals"], "proposals").map((item) => textOf(item, "", "proposal")),
    servers: listOf(config["servers"], "servers").map((item) =>
      textOf(fieldsOf(item, "server")["name"], "", "name"),
    ),
    operations,
  };
}

/** Why a runner of commands doesn't run it, or undefined. */
export function reasonToSkip({ world, servers, operations }: Specification): string | undefined {
  if (world !== commandWorld) return `a component of ${world}, not a command`;
  if (servers.length > 0) return `needs HTTP servers (${servers.join(", ")})`;
  if (operations.some(({ kind }) => kind === "request")) return "answers HTTP requests, not a command";
  return undefined;
}

function legacyOperations(config: Fields): readonly Operation[] {
  const reads = (["stdout", "stderr"] as const).flatMap((stream): readonly Operation[] => {
    const payload = config[stream];
    if (payload === undefined || payload === null) return [];
    return [{ kind: "read", stream, payload: textOf(payload, "", stream), whole: true }];
  });
  return [runOf(config), ...reads, { kind: "wait", exitCode: numberOf(config["exit_code"], "exit_code") }];
}

function operationsOf(value: unknown): readonly Operation[] {
  if (value === undefined) return [runOf({}), { kind: "wait", exitCode: 0 }];
  return listOf(value, "operations").map((item) => operationOf(fieldsOf(item, "operation")));
}

function operationOf(fields: Fields): Operation {
  const payload = () => textOf(fields["payload"], "", "payload");
  const id = (otherwise: string) => textOf(fields["id"], otherwise, "id");
  switch (fields["type"]) {
    case "run":
      return runOf(fields);
    case "wait":
      return { kind: "wait", exitCode: numberOf(fields["exit_code"], "exit_code") };
    case "read": {
      const stream = id("stdout");
      if (stream !== "stdout" && stream !== "stderr") throw new Error(`read from ${stream}: no such stream`);
      return { kind: "read", stream, payload: payload(), whole: false };
    }
    case "write":
      return { kind: "write", payload: payload() };
    case "connect":
      return connectOf(fields, id("server"));
    case "send":
      return { kind: "send", id: id(""), payload: payload() };
    case "recv":
      return { kind: "recv", id: id(""), payload: payload() };
    case "request":
      return {
        kind: "request",
        method: textOf(fields["method"], "GET", "method"),
        path: textOf(fields["path"], "/", "path"),
      };
    case "kill":
      return { kind: "kill" };
    default:
      throw new Error(`an operation of type ${JSON.stringify(fields["type"])} is not known`);
  }
}

function connectOf(fields: Fields, id: string): Operation {
  const protocol = textOf(fields["protocol_type"], "tcp", "protocol_type");
  if (protocol !== "tcp") throw new Error(`connect ${id}: protocol ${protocol} is not known`);
  return { kind: "connect", id };
}

function runOf(fields: Fields): Operation {
  const root = fields["root"];
  const env = fieldsOf(fields["env"] ?? {}, "env");
  return {
    kind: "run",
    args: listOf(fields["args"], "args").map((item) => textOf(item, "", "argument")),
    env: Object.entries(env).map(([name, value]) => [name, textOf(value, "", name)] as const),
    root: root === undefined || root === null ? undefined : textOf(root, "", "root"),
  };
}

/** Runs one after the other, each up to its wait; everything else in between. */
function checkOrder(operations: readonly Operation[]): void {
  let running = false;
  const connected = new Set<string>();
  for (const operation of operations) {
    const { kind } = operation;
    if ((kind === "run") === running)
      throw new Error(`${kind}: ${running ? "still running" : "nothing is running"}`);
    running = kind !== "wait";
    if (kind === "wait") connected.clear();
    if (kind === "connect") {
      if (connected.has(operation.id)) throw new Error(`connect ${operation.id}: connected before`);
      connected.add(operation.id);
    }
    if ((kind === "send" || kind === "recv") && !connected.has(operation.id))
      throw new Error(`${kind} ${operation.id}: not connected before`);
  }
  if (running) throw new Error("the last run is not waited for");
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Error(`${what} is ${JSON.stringify(value)}, not an object`);
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw new Error(`${what} is ${JSON.stringify(value)}, not a list`);
}

function textOf(value: unknown, otherwise: string, what: string): string {
  if (value === undefined) return otherwise;
  if (typeof value === "string") return value;
  throw new Error(`${what} is ${JSON.stringify(value)}, not a text`);
}

function numberOf(value: unknown, what: string): number {
  if (value === undefined) return 0;
  if (typeof value === "number") return value;
  throw new Error(`${what} is ${JSON.stringify(value)}, not a number`);
}
