import { expect, test } from "vitest";
import { clientLimits } from "./limits.ts";
import { type CallOptions, WherryFunctions } from "./wherry-functions.ts";

interface BadCall {
  readonly name: string;
  readonly workload?: string;
  readonly input?: Uint8Array;
  readonly options?: CallOptions;
  readonly reason?: string;
}

const badCalls: readonly BadCall[] = [
  { name: "no kind", workload: "price" },
  { name: "another kind", workload: "job/price" },
  { name: "a kind that every object has", workload: "constructor/price" },
  { name: "no name", workload: "deployment/" },
  { name: "a part too many", workload: "deployment/a/b" },
  { name: "a time without an end", options: { timeoutMs: Number.POSITIVE_INFINITY } },
  { name: "a time that is no number", options: { timeoutMs: Number.NaN } },
  { name: "fuel below zero", options: { fuel: -1 } },
  { name: "more memory than there are numbers", options: { memoryBytes: 2 ** 60 } },
  {
    name: "more than a message may have",
    input: new Uint8Array(clientLimits.callBytesMax),
    reason: "TooLarge",
  },
];

test.each(badCalls)(
  "WherryFunctions.call: refuses $name, and asks for no ticket",
  async ({ workload = "deployment/price", input, options, reason = "InvalidCall" }) => {
    let tickets = 0;
    await using functions = new WherryFunctions({
      tickets: () => {
        tickets++;
        return new Promise(() => {});
      },
    });
    await expect(functions.call(workload, "f", input, options)).rejects.toMatchObject({
      reason,
      notBegun: true,
    });
    expect(tickets).toBe(0);
  },
);

test("WherryFunctions: asks for one ticket for each workload, and ends what waits when it is closed", async () => {
  const asked: string[] = [];
  const functions = new WherryFunctions({
    namespace: "shop",
    tickets: ({ namespace, plural, name }) => {
      asked.push(`${namespace} ${plural} ${name}`);
      return new Promise(() => {});
    },
  });
  const calls = ["deployment/a", "WasmDeployment/a", "daemonset/a"].map((workload) =>
    functions.call(workload, "f").catch((thrown: unknown) => thrown),
  );
  calls.push(
    functions.call("deployment/a", "f", "", { namespace: "other" }).catch((thrown: unknown) => thrown),
  );
  await functions[Symbol.asyncDispose]();
  for (const outcome of await Promise.all(calls)) expect(outcome).toMatchObject({ reason: "Closed" });
  expect(asked).toEqual(["shop wasmdeployments a", "shop wasmdaemonsets a", "other wasmdeployments a"]);
});
