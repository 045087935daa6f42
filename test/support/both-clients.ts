import { runCommandLine } from "../../cli/command-line.ts";
import { TestTerminal } from "../../cli/testing/test-terminal.ts";
import type { CommandResult } from "./kubectl.ts";
import { KubectlSession, words } from "./kubectl-session.ts";

/** kubectl as it comes and `wherry`, against one API server, to see that they do and say the same. */
export class BothClients implements AsyncDisposable {
  readonly session: KubectlSession;

  private constructor(session: KubectlSession) {
    this.session = session;
  }

  static async start(): Promise<BothClients> {
    return new BothClients(await KubectlSession.start());
  }

  kubectl(
    args: string,
    options: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ): Promise<CommandResult> {
    return this.session.try(args, options);
  }

  async wherry(
    args: string,
    options: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<CommandResult> {
    const terminal = this.terminal(options);
    const code = await runCommandLine(["--kubeconfig", this.session.config, ...words(args)], terminal);
    return { code, stdout: terminal.stdout, stderr: terminal.stderr };
  }

  /** For a command that goes on while the test does something. */
  terminal(options: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {}) {
    const terminal = new TestTerminal(this.session.server.folder);
    terminal.standardInput = options.input ?? "";
    Object.assign(terminal.env, options.env);
    return terminal;
  }

  /** Writes part of an object's status, as its controller would. `plural` with its group and version. */
  async setStatus(name: string, status: object, plural = "wasmdeployments"): Promise<void> {
    const path = `/apis/wherry.dev/v1alpha1/namespaces/default/${plural}/${name}/status`;
    const type = "application/merge-patch+json";
    const { code, text } = await this.session.server.call("PATCH", path, { body: { status }, type });
    if (code !== 200) throw new Error(`PATCH ${path}: ${text}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.session[Symbol.asyncDispose]();
  }
}
