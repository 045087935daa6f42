import { describe, expect, test } from "vitest";
import { buildModule, type Bytes, exportItem, functionType, importItem, kind } from "../wasm/wasm-builder.ts";
import { engine } from "./engine.ts";
import { ReusedStack } from "./reused-stack.ts";
import { describeTrap } from "./trap.ts";

/** `run` calls the import `wait`, then does `code`. */
function guestOf(wait: () => unknown, code: Bytes = []): unknown {
  const bytes = buildModule({
    types: [functionType([], [])],
    imports: [importItem("host", "wait", kind.function, [0])],
    functions: [{ type: 0, code: [0x10, 0, ...code] }],
    exports: [exportItem("run", kind.function, 1)],
  });
  const imports = { host: { wait: new engine.Suspending(wait) } };
  return new engine.Instance(new engine.Module(bytes), imports).exports["run"];
}

describe("ReusedStack", () => {
  test("guests run on it one after another, and may suspend", async () => {
    const stack = new ReusedStack();
    const done: number[] = [];
    for (let i = 0; i < 100; i++) {
      const woken = Promise.withResolvers<void>();
      const call = stack
        .call(guestOf(() => (i % 2 === 0 ? woken.promise : undefined)))
        .then(() => done.push(i));
      if (i % 2 === 0) {
        await new Promise((resolve) => setImmediate(resolve));
        expect(done).not.toContain(i);
        expect(stack.resting).toBe(false);
        woken.resolve();
      }
      await call;
      expect(stack.resting).toBe(true);
    }
    expect(done).toHaveLength(100);
    stack.leave();
    expect(stack.resting).toBe(false);
  });

  test("a trap is the guest's, without a frame of ours, and the end of the stack", async () => {
    const stack = new ReusedStack();
    const thrown: unknown = await stack
      .call(guestOf(() => Promise.resolve(), [0x00]))
      .catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(engine.RuntimeError);
    const { message } = describeTrap(thrown, 1);
    expect(message).toContain("trap: unreachable\n    at ");
    expect(message.split("\n")).toHaveLength(2);
    expect(stack.resting).toBe(false);
  });
});
