/** What is called, each in other processes than the caller. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { stringify } from "yaml";
import { WherryFunctions } from "../../client/wherry-functions.ts";
import { TestAuthority } from "../../node-daemon/testing/certificates.ts";
import { checkout, eventually, TestCluster } from "../../test/support/cluster.ts";
import { type EchoClient, type EchoResponse, type EchoStream, FunctionService } from "./contract.ts";

export interface Callee extends AsyncDisposable {
  readonly name: string;
  /** Which of the others it is to be compared with, beside the first. */
  readonly beside?: string;
  /** Resolves with what came back. */
  readonly call: (input: Buffer) => Promise<Uint8Array>;
  /** All processes on the other side. */
  readonly pids: () => readonly number[];
}

/** As many as may be under way find room. */
const queueLength = 256;

const guests = { module: "price.wasm", component: "shop.wasm" } as const;

/** The same function of either kind. */
export async function guest(kind: keyof typeof guests, callsPerInstance: number): Promise<Callee> {
  const cluster = await TestCluster.start(["one"], { gateways: true });
  const spec = {
    module: { image: `file://${join(checkout, "examples/functions", guests[kind])}` },
    functions: { callsPerInstance, queueLength },
    resources: { limits: { memory: "64Mi" } },
  };
  const template = { metadata: { labels: { app: "echo" } }, spec };
  const metadata = { name: "echo" };
  await cluster.apply(
    stringify({ apiVersion: "wherry.dev/v1alpha1", kind: "WasmDeployment", metadata, spec: { template } }),
  );
  const { url, ca, token } = cluster.access;
  const functions = new WherryFunctions({ tickets: { server: url, ca, token } });
  const call = async (input: Buffer) => (await functions.call("deployment/echo", "echo", input)).output;
  await eventually(async () => void (await call(Buffer.from("ready?"))));
  const nameOf = (of: string) =>
    `function of a ${of}, ${callsPerInstance === 1 ? "a fresh instance per call" : "instances reused"}`;
  return {
    name: nameOf(kind),
    ...(kind === "component" && { beside: nameOf("module") }),
    call,
    pids: () => [cluster.nodePid("one"), ...cluster.gateways("one"), ...cluster.shims("one")],
    async [Symbol.asyncDispose]() {
      await functions[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

export async function plainUnary(): Promise<Callee> {
  const { client, ...echo } = await startEcho();
  const call = (input: Buffer) =>
    new Promise<Uint8Array>((resolve, reject) => {
      client.call({ id: 0, function: "echo", input }, (error, { output }) =>
        error ? reject(error) : resolve(output),
      );
    });
  return { name: "plain gRPC echo, a call for each", call, ...echo };
}

export async function plainStream(): Promise<Callee> {
  const { client, ...echo } = await startEcho();
  const stream: EchoStream = client.calls();
  const waiting = new Map<number, (output: Uint8Array) => void>();
  stream.on("data", ({ id, output }: EchoResponse) => {
    waiting.get(id)?.(output);
    waiting.delete(id);
  });
  stream.on("error", () => {});
  let last = 0;
  const call = (input: Buffer) =>
    new Promise<Uint8Array>((resolve) => {
      waiting.set(++last, resolve);
      stream.write({ id: last, function: "echo", input });
    });
  return { name: "plain gRPC echo, one stream", call, ...echo };
}

async function startEcho(): Promise<Omit<Callee, "name" | "call"> & { readonly client: EchoClient }> {
  const folder = mkdtempSync(join(tmpdir(), "wherry-echo-"));
  const { ca, cert, key } = await (await TestAuthority.make()).issue("echo");
  writeFileSync(join(folder, "cert.pem"), cert);
  writeFileSync(join(folder, "key.pem"), key, { mode: 0o600 });
  const child: ChildProcess = fork(join(checkout, "bench/programs/function-echo.ts"), [folder]);
  const failed = once(child, "exit").then(([code]) => Promise.reject(new Error(`it ended with ${code}`)));
  const [{ port }] = (await Promise.race([once(child, "message"), failed])) as [{ readonly port: number }];
  const client = new FunctionService(`localhost:${port}`, credentials.createSsl(ca));
  return {
    client,
    pids: () => (child.pid === undefined ? [] : [child.pid]),
    async [Symbol.asyncDispose]() {
      client.close();
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
