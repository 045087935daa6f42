/** Whether a component imports only what is offered, and exports something to run. Pure; every answer is for its author. */
import type { OfferedInterface } from "../wasi/component-interfaces.ts";
import type { CallableFunction, ComponentFacts } from "./component-facts.ts";
import type { ComponentItem, ComponentOutline } from "./component-reader.ts";
import type { ExportedFunction } from "./exported-functions.ts";
import { inputOf, textOf } from "./function-types.ts";
import { componentLimits } from "./limits.ts";
import { noFunctionsMessage } from "./uses.ts";

export interface ComponentRejection {
  readonly kind: "rejected";
  readonly reason: string;
  readonly message: string;
}

export type Offer = ReadonlyMap<string, OfferedInterface>;

export function offerOf(interfaces: readonly OfferedInterface[]): Offer {
  return new Map(interfaces.map((offered) => [offered.name, offered]));
}

/** Of the exports, those that can be run, by their full names: one at least. Which of them is, the template says. */
export interface ChosenExports {
  readonly kind: "chosen";
  readonly run: string | undefined;
  readonly handler: string | undefined;
  readonly functions: readonly CallableFunction[];
  readonly otherFunctions: ComponentFacts["otherFunctions"];
  /** Full names of imports, and the offered interface of each. */
  readonly imports: ReadonlyMap<string, OfferedInterface>;
}

const interfaceName =
  /^([a-z][a-z0-9-]*:[a-z][a-z0-9-]*)\/([a-z][a-z0-9-]*)@(\d+)\.(\d+)\.(\d+)(?:-[\w.-]+)?$/;

/** `wasi:cli/run@0.2` of `wasi:cli/run@0.2.3`; undefined for what has no such form. */
function versionLine(name: string): string | undefined {
  const found = interfaceName.exec(name);
  // What comes before a release is compatible with nothing.
  if (!found || name.includes("-rc")) return undefined;
  return `${found[1]}/${found[2]}@${found[3]}.${found[4]}`;
}

/** In this order of preference. */
const commandLines = ["wasi:cli/run@0.3", "wasi:cli/run@0.2"];
const handlerLines = ["wasi:http/incoming-handler@0.2"];

export function checkOutline(
  outline: ComponentOutline,
  exported: readonly ExportedFunction[],
  offer: Offer,
): ChosenExports | ComponentRejection {
  const run = exportOf(outline, commandLines);
  const handler = exportOf(outline, handlerLines);
  const { functions, otherFunctions } = chooseFunctions(exported);
  if (run === undefined && handler === undefined && functions.length === 0) {
    const functionless = otherFunctions.length > 0 ? `; ${noFunctionsMessage({ otherFunctions })}` : "";
    const message = `${nothingToRun(outline)}${functionless}`;
    return { kind: "rejected", reason: "NoStartFunction", message };
  }
  const odd = outline.exports.find(({ name }) => !/^[\w:/@.+-]+$/.test(name));
  if (odd) {
    const message = `the component exports ${quoted(odd.name)}: names of exports are of letters, digits and :/@.+-`;
    return { kind: "rejected", reason: "ModuleUnsupported", message };
  }
  const imports = new Map<string, OfferedInterface>();
  const missing: string[] = [];
  for (const item of outline.imports) {
    const offered = item.sort === "instance" ? offer.get(versionLine(item.name) ?? "") : undefined;
    if (offered) imports.set(item.name, offered);
    else if (item.sort !== "type") missing.push(`${quoted(item.name)} (${whyNot(item, offer)})`);
  }
  if (missing.length > 0) return unsatisfied(missing);
  return { kind: "chosen", run, handler, functions, otherFunctions, imports };
}

/** None of too many: which of them would be left out is nothing that an author could see. */
function chooseFunctions(
  exported: readonly ExportedFunction[],
): Pick<ChosenExports, "functions" | "otherFunctions"> {
  const { functionsMax, namedMax } = componentLimits;
  const functions: CallableFunction[] = [];
  const otherFunctions: ComponentFacts["otherFunctions"][number][] = [];
  for (const { name, type } of exported) {
    const isOfResource = name.includes("[");
    const input = isOfResource ? undefined : inputOf(type);
    if (input) functions.push({ name, input });
    else if (otherFunctions.length < namedMax) {
      const why = isOfResource ? "a function of a resource" : textOf(type);
      otherFunctions.push({ name: quoted(name), why: quoted(why, 300) });
    }
  }
  if (functions.length <= functionsMax) return { functions, otherFunctions };
  const why = `${functions.length} functions could be called, and ${functionsMax} may be`;
  const others = functions.slice(0, namedMax).map(({ name }) => ({ name: quoted(name), why }));
  return { functions: [], otherFunctions: others };
}

function exportOf({ exports }: ComponentOutline, lines: readonly string[]): string | undefined {
  return lines
    .map((line) => exports.find(({ name, sort }) => sort === "instance" && versionLine(name) === line))
    .find((item) => item !== undefined)?.name;
}

/** `used`: full name of the interface, and the name of the function as in WIT. */
export function checkFunctions(
  used: readonly (readonly [interfaceName: string, functionName: string])[],
  imports: ReadonlyMap<string, OfferedInterface>,
): ComponentRejection | undefined {
  const missing: string[] = [];
  for (const [name, member] of used) {
    const offered = imports.get(name);
    if (offered && !offered.functions.includes(member)) {
      missing.push(`${quoted(`${name}#${member}`)} (${offered.name} is offered without it)`);
    }
  }
  return missing.length > 0 ? unsatisfied(missing) : undefined;
}

function unsatisfied(missing: readonly string[]): ComponentRejection {
  const { namedMax } = componentLimits;
  const more = missing.length > namedMax ? `, and ${missing.length - namedMax} more` : "";
  return {
    kind: "rejected",
    reason: "ImportsUnsatisfied",
    message: `the component imports what is not offered: ${missing.slice(0, namedMax).join(", ")}${more}`,
  };
}

function whyNot({ name, sort }: ComponentItem, offer: Offer): string {
  if (sort !== "instance")
    return `a ${sort} by itself: interfaces of WASI are offered; compose it in with wac`;
  const [unversioned = "", version] = name.split("@");
  if (!unversioned.startsWith("wasi:")) {
    return "no interface of WASI: compose a component that exports it in with wac";
  }
  const lines = [...offer.keys()].filter((key) => key.startsWith(`${unversioned}@`));
  if (lines.length > 0) {
    const offered = lines.map((line) => line.slice(unversioned.length + 1)).join(" and ");
    return `${version === undefined ? "without a version" : "of another version"}: ${offered} is offered; build it with current tools`;
  }
  return "an interface of WASI that is not offered here; compose a component that exports it in with wac";
}

function nothingToRun({ exports }: ComponentOutline): string {
  const exported = (start: string) => exports.some(({ name }) => name.startsWith(start));
  let what = "a library: build it as a command, or compose it with one that uses it";
  if (exported("wasi:cli/run@")) what = "a command of another version of WASI: 0.2 and 0.3 are supported";
  else if (exported("wasi:http/incoming-handler@") || exported("wasi:http/handler@")) {
    what = "an HTTP handler of another version of WASI: wasi:http/incoming-handler@0.2 is supported";
  }
  const names = exports.slice(0, componentLimits.namedMax).map(({ name }) => quoted(name));
  const list = names.length === 0 ? "nothing" : names.join(", ");
  return (
    "the component does not export wasi:cli/run@0.2 or wasi:cli/run@0.3, nor wasi:http/incoming-handler@0.2, but " +
    `${list}: it is ${what}`
  );
}

/** Names come from the component and can be anything. */
function quoted(text: string, charactersMax = 100): string {
  const visible = JSON.stringify(text).slice(1, -1);
  return visible.length > charactersMax ? `${visible.slice(0, charactersMax - 1)}…` : visible;
}
