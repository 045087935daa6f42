/** Routes and wake-ups as people meet them: two nodes with gateways, and the command line. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { Visitor } from "../support/visitor.ts";

let cluster: TestCluster;
let one: Visitor;
let two: Visitor;

beforeAll(async () => {
  cluster = await TestCluster.start(["one", "two"], { gateways: true, hostPaths: [checkout] });
  [one, two] = ["one", "two"].map((name) => new Visitor(Number(new URL(cluster.url(name)).port))) as [
    Visitor,
    Visitor,
  ];
});
afterAll(() => cluster[Symbol.asyncDispose]());

function deployment(name: string, spec: object): string {
  const image = `file://${join(checkout, "examples/http/hello.wasm")}`;
  return JSON.stringify({
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name },
    spec: { ...spec, template: { spec: { module: { image }, http: { handler: "wasi-http" } } } },
  });
}

async function wherry(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.wherry(...args);
  if (code !== 0) throw new Error(`wherry ${args.join(" ")}:\n${stderr}`);
  return stdout;
}

test("expose: a route in one line, which both gateways answer, and its URL", async () => {
  await cluster.apply(deployment("shop", { replicas: 1 }));
  const said = await wherry("expose", "deployment/shop", "--host", "shop.localhost", "--path", "/shop");
  expect(said).toMatch(/^wasmroute\.wherry\.dev\/shop created\nhttp:\/\/shop\.localhost:\d+\/shop\n$/);
  for (const visitor of [one, two])
    await eventually(async () => {
      expect(await visitor.ask("shop.localhost", "/shop")).toMatchObject({
        status: 200,
        text: "ahoy from C\n",
      });
    });
  expect((await one.ask("shop.localhost", "/")).status).toBe(404);
  expect(await wherry("describe", "wr", "shop")).toMatch(/Programmed +True/);
  await wherry("delete", "wr", "shop");
  await eventually(async () => expect((await two.ask("shop.localhost", "/shop")).status).toBe(404));
});

test("from zero: the first request is held and answered, at whichever gateway it arrives", async () => {
  await cluster.apply(deployment("sleepy", { replicas: 0, wakeOnRequest: true }));
  await wherry("expose", "deployment/sleepy", "--host", "sleepy.localhost");
  for (const visitor of [one, two, one]) {
    expect((await cluster.instances()).filter(({ metadata }) => metadata.name.startsWith("sleepy"))).toEqual(
      [],
    );
    const { status, text } = await visitor.ask("sleepy.localhost", "/");
    expect([status, text]).toEqual([200, "ahoy from C\n"]);
    const { spec } = await cluster.json<{ spec: { replicas: number } }>("wd", "sleepy");
    expect(spec.replicas).toBe(1);
    await wherry("scale", "wd/sleepy", "--replicas", "0");
    await eventually(async () => {
      const left = (await cluster.instances()).filter(({ metadata }) => metadata.name.startsWith("sleepy"));
      expect(left).toEqual([]);
    });
  }
  await eventually(async () => expect(await wherry("describe", "wd", "sleepy")).toContain("WokenByRequest"));
});

test("a restart of the scheduler takes nothing from gateways", async () => {
  await cluster.apply(deployment("steady", { replicas: 2 }));
  await wherry("expose", "deployment/steady", "--host", "steady.localhost");
  for (const visitor of [one, two])
    await eventually(async () => expect((await visitor.ask("steady.localhost", "/")).status).toBe(200));
  await cluster.killScheduler();
  for (const visitor of [one, two]) expect((await visitor.ask("steady.localhost", "/")).status).toBe(200);
  await cluster.startScheduler();
  await cluster.apply(deployment("late", { replicas: 1 }));
  await wherry("expose", "deployment/late", "--host", "late.localhost");
  for (let time = 0; time < 20; time++)
    for (const visitor of [one, two]) expect((await visitor.ask("steady.localhost", "/")).status).toBe(200);
  for (const visitor of [one, two])
    await eventually(async () => expect((await visitor.ask("late.localhost", "/")).status).toBe(200));
});
