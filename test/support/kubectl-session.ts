import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { TestServer } from "../../scheduler/apiserver/testing/test-server.ts";
import { type CommandResult, runHelm, runKubectl } from "./kubectl.ts";

/** kubectl and Helm as they come, against an API server of the test's own. */
export class KubectlSession implements AsyncDisposable {
  readonly server: TestServer;
  readonly config: string;

  private constructor(server: TestServer) {
    this.server = server;
    this.config = server.kubeconfig();
  }

  static async start(): Promise<KubectlSession> {
    return new KubectlSession(await TestServer.start());
  }

  /** Whatever happens. */
  try(args: string, options: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {}) {
    return runKubectl(this.config, words(args), options.input, options.env);
  }

  /** What it prints. Throws when it fails. */
  async run(args: string, input?: string): Promise<string> {
    return succeeded("kubectl", args, await runKubectl(this.config, words(args), input));
  }

  /** What it says when it fails. Throws when it does not. */
  async refused(args: string, input?: string): Promise<string> {
    const { code, stdout, stderr } = await runKubectl(this.config, words(args), input);
    if (code === 0) throw new Error(`kubectl ${args} succeeded:\n${stdout}`);
    return stderr;
  }

  async helm(args: string): Promise<string> {
    return succeeded("helm", args, await runHelm(this.config, words(args)));
  }

  async helmRefused(args: string): Promise<string> {
    const { code, stdout, stderr } = await runHelm(this.config, words(args));
    if (code === 0) throw new Error(`helm ${args} succeeded:\n${stdout}`);
    return stderr;
  }

  /** Writes a file beside the server's and returns its path. */
  file(path: string, content: string | Buffer, mode = 0o600): string {
    const whole = join(this.server.folder, path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, content, { mode });
    return whole;
  }

  /** A program that kubectl runs as the editor; `$1` is the file. */
  editor(name: string, ...lines: readonly string[]): NodeJS.ProcessEnv {
    return { KUBE_EDITOR: this.file(name, ["#!/bin/sh", ...lines, ""].join("\n"), 0o700) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }
}

function succeeded(program: string, args: string, { code, stdout, stderr }: CommandResult): string {
  if (code === 0) return stdout;
  throw new Error(`${program} ${args} ended with ${code}:\n${stderr}`);
}

/** As a shell splits them, with quotes of both sorts. */
export function words(line: string): readonly string[] {
  return [...line.matchAll(/(?:[^\s'"]+|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ""),
  );
}

export function manifest(...objects: readonly object[]): string {
  return objects.map((object) => JSON.stringify(object)).join("\n---\n");
}

export function configMap(name: string, data: Readonly<Record<string, string>> = {}, metadata: object = {}) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata }, data };
}

export function deployment(name: string, spec: object = {}, metadata: object = {}) {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name, labels: { app: name }, ...metadata },
    spec: {
      replicas: 2,
      template: {
        metadata: { labels: { app: name } },
        spec: { module: { image: "file:///srv/hello.wasm" } },
      },
      ...spec,
    },
  };
}
