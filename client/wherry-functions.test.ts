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

test("WherryFunctions: has a bounded number of workloads, and forgets the one without calls that was called longest ago", async () => {
  const tickets = new Map<string, AbortSignal>();
  await using functions = new WherryFunctions({
    tickets: ({ name }, signal) => {
      tickets.set(name, signal);
      return new Promise(() => {});
    },
  });
  const call = (name: string, signal?: AbortSignal) =>
    functions
      .call(`deployment/${name}`, "f", "", signal && { signal })
      .catch((thrown: { readonly reason?: string }) => thrown.reason ?? "gone");
  const leaving = [new AbortController(), new AbortController()];
  const left = leaving.map(({ signal }, index) => call(`left-${index}`, signal));
  for (let other = 2; other < clientLimits.workloads; other++) void call(`other-${other}`);
  expect(await call("more")).toBe("Full");
  expect(tickets.has("more")).toBe(false);
  for (const controller of leaving) controller.abort();
  expect(await Promise.all(left)).toEqual(["gone", "gone"]);
  // Called again, so that the other one is older; and it still has its ticket to come.
  void call("left-0");
  void call("more");
  expect(tickets.get("left-1")?.aborted).toBe(true);
  expect(tickets.get("left-0")?.aborted).toBe(false);
  expect(tickets.has("more")).toBe(true);
  expect(await call("yet-more")).toBe("Full");
});
