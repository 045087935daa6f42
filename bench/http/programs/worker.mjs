// A worker of Cloudflare's workerd: one WebAssembly instance for all requests, or a new one for each.
import module from "greeting.wasm";
import { fresh } from "options.mjs";

const shared = new WebAssembly.Instance(module);

export default {
  fetch() {
    const { memory, answer, greet } = (fresh ? new WebAssembly.Instance(module) : shared).exports;
    const length = greet();
    return new Response(new Uint8Array(memory.buffer, answer(), length).slice(), {
      headers: { "content-type": "text/plain" },
    });
  },
};
