// Reads its arguments and environment and says hello. `npm run guests -- javascript` makes a component of it, greet.wasm:
// the engine (QuickJS) and this file. WASI's interfaces are its imports; there is no console and no Node.
import environment from "wasi:cli/environment@0.2.12";
import stdout from "wasi:cli/stdout@0.2.12";
import random from "wasi:random/random@0.2.12";

function print(line) {
  const bytes = Uint8Array.from(`${line}\n`, (character) => character.charCodeAt(0));
  stdout.getStdout().blockingWriteAndFlush(bytes);
}

export const run = {
  run() {
    const [, ...names] = environment.getArguments();
    const variables = Object.fromEntries(environment.getEnvironment());
    for (const name of names) print(`${variables.GREETING ?? "hello"}, ${name}`);
    // Math.random() would be no surprise: what it starts from was fixed when the component was built.
    const [lucky] = random.getRandomBytes(1);
    print(JSON.stringify({ at: new Date().toISOString(), lucky }));
  },
};
