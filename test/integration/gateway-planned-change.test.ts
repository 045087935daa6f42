/** Instances that come and go as plans have it, under load: each request is answered once, and none is lost. */
import { Agent, request } from "node:http";
import { expect, test } from "vitest";
import type { FakeHandler } from "../../node-daemon/gateway/testing/fake-instances.ts";
import { endpointOf, TestGateway } from "../../node-daemon/gateway/testing/test-gateway.ts";

/** Answers after a moment what it was sent; once it drains it refuses what comes later, as shims do. */
function instance(name: string): {
  readonly handler: FakeHandler;
  readonly drain: () => void;
  readonly inFlight: () => number;
} {
  let isDraining = false;
  let inFlight = 0;
  return {
    handler: {
      end: (call) => {
        if (isDraining) {
          call.fault({ kind: "refused", reason: "draining", message: "", retryAfterMs: 0 });
          return;
        }
        inFlight++;
        setTimeout(() => {
          inFlight--;
          call.answer(`${name} ${call.body}`);
        }, 3);
      },
    },
    drain: () => (isDraining = true),
    inFlight: () => inFlight,
  };
}

function ask(
  agent: Agent,
  port: number,
  body: string,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: "127.0.0.1", method: "POST", agent }, (response) => {
      let text = "";
      response.on("data", (bytes: Buffer) => (text += bytes.toString()));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

/** Twenty clients that ask one request after the other until told to stop. */
function load(port: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  const stopping = new AbortController();
  const answers: string[] = [];
  let count = 0;
  const clients = Array.from({ length: 20 }, async () => {
    while (!stopping.signal.aborted) {
      const body = String(count++);
      const { status, text } = await ask(agent, port, body);
      answers.push(status === 200 && text.endsWith(` ${body}`) ? "right" : `${status} ${text}`);
    }
  });
  return {
    /** Resolves when so many more are answered. */
    more: async (more: number) => {
      const wanted = answers.length + more;
      while (answers.length < wanted) await moment();
    },
    stop: async () => {
      stopping.abort();
      await Promise.all(clients);
      agent.destroy();
      return answers;
    },
  };
}

function moment(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test.each([
  ["the new one is there before the old one goes", true],
  ["there is none in between", false],
])("gateway: ten revisions under load lose nothing when %s", async (_name, overlap) => {
  await using gateway = new TestGateway();
  let old = instance("0");
  gateway.serve(old.handler);
  let oldUid = "i";
  const port = await gateway.listen();
  const { more, stop } = load(port);
  for (let revision = 1; revision <= 10; revision++) {
    const next = instance(String(revision));
    const folder = `/shim-${revision}`;
    gateway.instances.set(folder, next.handler);
    const endpoint = endpointOf(String(revision), "w", {
      templateHash: String(revision),
      reach: { kind: "shim", folder },
    });
    await more(50);
    if (overlap) gateway.gateway.apply({ kind: "endpoint", endpoint });
    // The shim hears of it before the gateway does, as often as not.
    old.drain();
    if (overlap) await more(10);
    else while (gateway.gateway.figures().every(({ waiting }) => waiting === 0)) await moment();
    gateway.gateway.apply({ kind: "drain", uid: oldUid });
    await moment();
    if (!overlap) gateway.gateway.apply({ kind: "endpoint", endpoint });
    old = next;
    oldUid = String(revision);
  }
  const answers = await stop();
  expect(answers.filter((answer) => answer !== "right")).toEqual([]);
  while (gateway.drained.length < 10) await moment();
  expect(gateway.drained).toEqual(["i", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
});

test("gateway: one that goes under load answers what it has, while another accepts at the same address", async () => {
  const [first, second] = [
    new TestGateway().serve(instance("first").handler),
    new TestGateway().serve(instance("second").handler),
  ];
  await using _first = first;
  await using _second = second;
  const port = await first.listen();
  const { more, stop } = load(port);
  await more(100);
  // What a process does that hands over: the listening socket stays, and its connections go to the other.
  first.handOver(second);
  await first.gateway.finish(10_000);
  await more(100);
  const answers = await stop();
  expect(answers.filter((answer) => answer !== "right")).toEqual([]);
});
