import type { Hooks } from "./module-facts.ts";
import type { ModuleModel } from "./module-model.ts";

/** Chooses the names of what is added, avoiding the guest's. */
export function chooseHooks(model: ModuleModel): Hooks {
  const modules = new Set(model.imports.map((entry) => entry.module));
  const exports = new Set(model.exports.map((entry) => entry.name));
  return {
    module: unused("wherry", modules),
    yield: "yield",
    fuel: unused("wherry.fuel", exports),
    kill: unused("wherry.kill", exports),
    memoryCap: unused("wherry.memoryCap", exports),
    tableCap: unused("wherry.tableCap", exports),
    stack: unused("wherry.stack", exports),
    memories: model.hiddenMemories.map((index) => unused(`wherry.memory.${index}`, exports)),
    start: model.start === undefined ? undefined : unused("wherry.start", exports),
  };
}

function unused(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted;
  for (let i = 1; taken.has(name); i++) name = `${wanted}.${i}`;
  return name;
}
