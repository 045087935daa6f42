import type { ImportFacts } from "../../wasm/module-facts.ts";

type ImportName = Pick<ImportFacts, "module" | "name" | "kind">;

interface Origin {
  readonly matches: (entry: ImportName) => boolean;
  /** What the module is, and what to do; a clause without a full stop. */
  readonly advice: string;
}

/** Who makes modules with such imports. The first that matches any of them is believed. */
const origins: readonly Origin[] = [
  {
    matches: ({ module }) => module === "gojs" || module === "go",
    advice: "it was built by Go for JavaScript: build it with GOOS=wasip1 GOARCH=wasm",
  },
  {
    matches: ({ module }) => module === "wbg" || module.startsWith("__wbindgen"),
    advice: "it was built for wasm-bindgen: build it for wasm32-wasip1, without crates that call JavaScript",
  },
  {
    matches: ({ module }) => module.startsWith("wasix_"),
    advice: "it was built for WASIX: build it with a WASI toolchain (wasi-sdk, wasm32-wasip1)",
  },
  {
    matches: ({ module, name }) =>
      (module === "wasi" && name === "thread-spawn") || (module === "env" && name === "pthread_create"),
    advice: "it starts threads, which share a memory: build it without -pthread",
  },
  {
    matches: ({ module, name }) =>
      module.startsWith("wasi_") &&
      /^sock_(open|connect|bind|listen|getaddrinfo|setsockopt|getlocaladdr)/.test(name),
    advice:
      "it calls WasmEdge's sockets: build it as a component of WASI 0.2 or later (wasm32-wasip2), which has sockets",
  },
  {
    matches: ({ module }) => module.startsWith("wasi_nn") || module.startsWith("wasi_ephemeral"),
    advice: "it needs a proposal of WASI that no standard has taken up",
  },
  {
    matches: ({ module }) => module.includes(":") && module.includes("/"),
    advice: "it is the core of a component: make the component of it (wasm-tools component new) and run that",
  },
  {
    matches: ({ module }) => module.startsWith("javy_"),
    advice: "it was built by Javy to be linked at run time: build it without -C dynamic",
  },
  {
    matches: ({ module, name }) =>
      module === "env" && /^(_?emscripten|invoke_|_embind|__syscall|__cxa)/.test(name),
    advice:
      "it was built by Emscripten for JavaScript: build it with a WASI toolchain, or with -sSTANDALONE_WASM",
  },
  {
    matches: ({ module, name }) => module === "env" && (name === "abort" || name === "seed"),
    advice:
      "it was built by AssemblyScript for JavaScript: extend @assemblyscript/wasi-shim in asconfig.json",
  },
  {
    matches: ({ module, kind }) => module === "env" && kind === "memory",
    advice: "it imports its memory: link it so that it exports one (without --import-memory)",
  },
  {
    matches: ({ module, name }) =>
      module === "env" && /^(__(memory|table)_base|__indirect_function_table)$/.test(name),
    advice: "it is a shared library: link the program statically",
  },
  {
    matches: ({ module }) => module === "env",
    advice:
      "functions of env were not found when it was linked: link what defines them, without --allow-undefined",
  },
];

/** What would satisfy these imports, as far as it can be guessed from their names. */
export function importAdvice(missing: readonly ImportName[]): string | undefined {
  return origins.find(({ matches }) => missing.some((entry) => matches(entry)))?.advice;
}
