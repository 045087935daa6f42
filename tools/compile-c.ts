/** C and C++ to WASI preview 1, with the compiler that comes as WebAssembly in npm's @yowasp/clang. Needs no system package. */
import { commands } from "@yowasp/clang";

/** Compiles one self-contained C file for size; rejects with the compiler's messages. */
export function compileC(source: string, flags: readonly string[] = []): Promise<Uint8Array> {
  return compile("clang", "guest.c", source, flags);
}

/** The same for C++. This compiler's standard library is built without exceptions, so the code is too. */
export function compileCpp(source: string, flags: readonly string[] = []): Promise<Uint8Array> {
  return compile("clang++", "guest.cpp", source, ["-std=c++20", "-fno-exceptions", ...flags]);
}

async function compile(
  compiler: "clang" | "clang++",
  file: string,
  source: string,
  flags: readonly string[],
): Promise<Uint8Array> {
  const messages: string[] = [];
  const collect = (bytes: Uint8Array | null) => {
    if (bytes) messages.push(new TextDecoder().decode(bytes));
  };
  try {
    const output = await commands[compiler](
      ["-Os", "-Wl,--strip-debug", ...flags, file, "-o", "guest.wasm"],
      { [file]: source },
      { stdout: collect, stderr: collect, fetchProgress: () => {} },
    );
    const binary = output?.["guest.wasm"];
    if (!(binary instanceof Uint8Array)) throw new Error("the compiler wrote no guest.wasm");
    return binary;
  } catch (thrown) {
    throw new Error(`compiling failed:\n${messages.join("")}`, { cause: thrown });
  }
}
