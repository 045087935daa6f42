/**
 * Translates one module after another, away from the daemon's event loop and with a heap of its own: this thread may
 * die of a hostile module, and another takes its place.
 */
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { parentPort } from "node:worker_threads";
import { errorCode, errorMessage } from "../../../kit/errors.ts";
import { componentBytesMin, componentFiles } from "../../components/component-facts.ts";
import { isComponent } from "../../components/component-reader.ts";
import { engine } from "../../shim/engine.ts";
import { factsFile } from "../../shim/module-store.ts";
import type { ExternalKind } from "../../wasm/module-facts.ts";
import { defaultLimits, rewriteModule } from "../../wasm/rewrite.ts";
import { checkImports, checkModule, type Rejection } from "./check-module.ts";
import { checkComponentUse, checkModuleUse, noCoreModule } from "./check-use.ts";
import { needsProcess } from "./shared-features.ts";
import { memoryBytesMin, type PrepareAnswer, type PreparedFacts, type PrepareTask } from "./prepare-task.ts";

async function prepare(job: PrepareTask): Promise<PrepareAnswer> {
  const { task, file, target, mode, use } = job;
  const original = await readFile(file);
  if (isComponent(original)) {
    return mode === "deterministic" ? refuseComponent(task) : prepareComponent(job, original);
  }
  const invalid = await validate(original);
  if (invalid) return { task, ...invalid };
  const rewritten = rewriteModule(original, defaultLimits, mode);
  if (rewritten.kind === "rejected") return { task, ...rewritten };
  const { bytes, facts } = rewritten;
  const unfit = checkModule(facts);
  if (unfit) return { task, ...unfit };
  const prepared: PreparedFacts = { moduleBytes: bytes.byteLength, facts };
  await writeWhole([
    { path: target, content: bytes },
    { path: factsFile(target), content: JSON.stringify(prepared) },
  ]);
  const useless = checkModuleUse(facts, use);
  if (useless) return { task, ...useless };
  return {
    task,
    kind: "prepared",
    file: target,
    memoryBytesMin: memoryBytesMin(facts),
    needsProcess: needsProcess(facts.features),
  };
}

function refuseComponent(task: number): PrepareAnswer {
  const message =
    "this is a component, and only core modules can be run deterministically: compile for WASI preview 1 " +
    "(wasm32-wasip1), or run it without `deterministic`";
  return { task, kind: "rejected", reason: "DeterministicRefused", message };
}

/** The folder is complete once it has its name. */
async function prepareComponent(
  { task, componentTarget, use }: PrepareTask,
  original: Uint8Array,
): Promise<PrepareAnswer> {
  // Told before it is translated for nothing.
  if (use === "wagi") return { task, ...noCoreModule };
  // Most nodes run none, and the translator is large.
  const [{ translateComponent }, { offer }] = await Promise.all([
    import("../../components/translate.ts"),
    import("../../components/offer.ts"),
  ]);
  const translated = await translateComponent(original, offer);
  if (translated.kind === "rejected") return { task, ...translated };
  const { facts, script, modules } = translated;
  const useless = checkComponentUse(facts, use);
  if (useless) return { task, ...useless };
  const temporary = `${componentTarget}.${process.pid}.new`;
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { mode: 0o750 });
    await writeSynced([
      ...facts.modules.map(({ file }, index) => ({
        path: join(temporary, file),
        content: modules[index] ?? "",
      })),
      { path: join(temporary, componentFiles.script), content: script },
      { path: join(temporary, componentFiles.facts), content: JSON.stringify(facts) },
    ]);
    // What stood there is incomplete: the cache was asked before.
    await rm(componentTarget, { recursive: true, force: true });
    await rename(temporary, componentTarget);
  } catch (thrown) {
    await rm(temporary, { recursive: true, force: true });
    throw thrown;
  }
  const written = join(componentTarget, componentFiles.facts);
  const features = facts.modules.flatMap((module) => module.facts.features);
  return {
    task,
    kind: "prepared",
    file: written,
    memoryBytesMin: componentBytesMin(facts),
    needsProcess: needsProcess(features),
  };
}

/** The engine judges the original, so that positions in its message are those of the author's file. */
async function validate(original: Uint8Array): Promise<Rejection | undefined> {
  // The rewriter says best what a file is that is no core module at all.
  const magic = original.length >= 8 && original[0] === 0 && original[1] === 0x61 && original[6] === 0;
  if (!magic) {
    const rejected = rewriteModule(original);
    if (rejected.kind === "rejected") return rejected;
  }
  try {
    const module = await engine.compile(original);
    const imports = engine.Module.imports(module);
    return checkImports(imports.map((entry) => ({ ...entry, kind: entry.kind as ExternalKind })));
  } catch (thrown) {
    if (!(thrown instanceof engine.CompileError)) throw thrown;
    // The engine speaks of a flag that would let it in; the rewriter of the proposal.
    const rejected = rewriteModule(original);
    if (rejected.kind === "rejected" && rejected.reason === "ModuleUnsupported") return rejected;
    const message = errorMessage(thrown).replace(/^WebAssembly\.\w+\(\): /, "");
    return { kind: "rejected", reason: "ModuleInvalid", message: `not a valid module: ${message}` };
  }
}

interface Content {
  readonly path: string;
  readonly content: Uint8Array | string;
}

/** Each is there whole once it has its name, and the last one last. */
async function writeWhole(files: readonly Content[]): Promise<void> {
  const temporaryOf = (path: string) => `${path}.${process.pid}.new`;
  try {
    await writeSynced(files.map(({ path, content }) => ({ path: temporaryOf(path), content })));
    for (const { path } of files) await rename(temporaryOf(path), path);
  } catch (thrown) {
    for (const { path } of files) await rm(temporaryOf(path), { force: true });
    throw thrown;
  }
}

/** At the same time: the disk takes as long for all of them as for one. Settles once none is written to any more. */
async function writeSynced(files: readonly Content[]): Promise<void> {
  const outcomes = await Promise.allSettled(
    files.map(async ({ path, content }) => {
      const file = await open(path, "w", 0o640);
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
    }),
  );
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason as Error;
}

parentPort?.on("message", (task: PrepareTask) => {
  void prepare(task)
    .catch((thrown: unknown): PrepareAnswer => {
      const message = errorMessage(thrown);
      return { task: task.task, kind: "failed", code: errorCode(thrown), message };
    })
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port to a thread, not a window
    .then((answer) => parentPort?.postMessage(answer));
});
