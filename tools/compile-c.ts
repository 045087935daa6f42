/** C and C++ to WASI preview 1, with the compiler that comes as WebAssembly in npm's @yowasp/clang. Needs no system package. */
import { commands } from "@yowasp/clang";

/** Compiles one C file for size; rejects with the compiler's messages. `headers` are the files that it includes, by name. */
export function compileC(
  source: string,
  flags: readonly string[] = [],
  headers: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  return compile("clang", "guest.c", { ...headers, "guest.c": source }, flags);
}

/** The same for C++. This compiler's standard library is built without exceptions, so the code is too. */
export function compileCpp(source: string, flags: readonly string[] = []): Promise<Uint8Array> {
  return compile("clang++", "guest.cpp", { "guest.cpp": source }, [
    "-std=c++20",
    "-fno-exceptions",
    ...flags,
  ]);
}

async function compile(
  compiler: "clang" | "clang++",
  file: string,
  files: Readonly<Record<string, string>>,
  flags: readonly string[],
): Promise<Uint8Array> {
  const messages: string[] = [];
  const collect = (bytes: Uint8Array | null) => {
    if (bytes) messages.push(new TextDecoder().decode(bytes));
  };
  try {
    const output = await commands[compiler](
      ["-Os", "-Wl,--strip-debug", ...flags, file, "-o", "guest.wasm"],
      files,
      { stdout: collect, stderr: collect, fetchProgress: () => {} },
    );
    const binary = output?.["guest.wasm"];
    if (!(binary instanceof Uint8Array)) throw new Error("the compiler wrote no guest.wasm");
    return binary;
  } catch (thrown) {
    throw new Error(`compiling failed:\n${messages.join("")}`, { cause: thrown });
  }
}
