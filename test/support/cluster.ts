/** Real processes for end-to-end tests: a scheduler and node daemons, each ended by the test that started it. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { openSync } from "node:fs";
import { TestClient } from "./client.ts";
import { ApiClient } from "../../cli/client/api-client.ts";
import { readClusterAccess } from "../../cli/client/kubeconfig.ts";
import { runCommandLine } from "../../cli/command-line.ts";
import { LocalCertificates } from "../../cli/local/certificates.ts";
import { madeProgramsFolder, servicePrograms } from "../../cli/local/program.ts";
import { writeLocalKubeconfig } from "../../cli/local/kubeconfig.ts";
import { openStateDirectory, storeFileOf, type StateDirectory } from "../../cli/local/state-directory.ts";
import { TestTerminal } from "../../cli/testing/test-terminal.ts";

export const checkout = resolve(fileURLToPath(new URL("../..", import.meta.url)));

interface SchedulerReady {
  readonly url: string;
  readonly nodesAddress: string;
}

interface NodeReady {
  readonly urls: readonly string[];
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ClusterOptions {
  readonly lostAfter?: string;
  readonly hostPaths?: readonly string[];
  /** Where instances may listen, as the daemon's `--allow-listen`. */
  readonly listen?: readonly string[];
  /** Whether each node has a gateway, at a port of its own. */
  readonly gateways?: boolean;
  /** More arguments of the scheduler. */
  readonly schedulerArgs?: readonly string[];
  /** More arguments of each node daemon. */
  readonly nodeArgs?: readonly string[];
  /** What runs the scheduler's program, instead of node alone. */
  readonly schedulerCommand?: (directory: StateDirectory) => readonly [string, ...string[]];
}

/** A program that reports over IPC, as `wherry up` runs it. */
class Daemon<Ready> {
  readonly process: ChildProcess;
  readonly ready: Promise<Ready>;

  constructor(
    program: string,
    args: readonly string[],
    logFile: string,
    [command, ...words]: readonly [string, ...string[]] = [process.execPath],
  ) {
    const log = openSync(logFile, "a");
    this.process = spawn(command, [...words, program, ...args], {
      stdio: ["ignore", log, log, "ipc"],
      cwd: checkout,
    });
    this.ready = new Promise((settle, reject) => {
      this.process.on("message", (message: { kind: string }) => {
        if (message.kind === "ready") settle(message as unknown as Ready);
        if (message.kind === "failed") reject(new Error((message as unknown as { message: string }).message));
      });
      this.process.once("exit", (code, signal) => {
        reject(
          new Error(`${program} ended (${code ?? signal}):\n${readFileSync(logFile, "utf8").slice(-4000)}`),
        );
      });
    });
    this.ready.catch(() => {});
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = new Promise((settle) => this.process.once("exit", settle));
    this.process.kill(signal);
    await gone;
  }
}

/** One cluster under a temporary folder. `await using` stops it and removes the folder. */
export class TestCluster implements AsyncDisposable {
  readonly folder: string;
  readonly directory: StateDirectory;
  readonly #options: ClusterOptions;
  readonly #certificates: LocalCertificates;
  readonly #programs = servicePrograms();
  readonly #nodes = new Map<string, Daemon<NodeReady>>();
  readonly #urls = new Map<string, string>();
  #scheduler: Daemon<SchedulerReady> | undefined;
  #addresses: SchedulerReady | undefined;

  private constructor(options: ClusterOptions) {
    this.#options = options;
    this.folder = mkdtempSync(join(tmpdir(), "wherry-e2e-"));
    this.directory = openStateDirectory(join(this.folder, "state"));
    this.#certificates = new LocalCertificates(this.directory.pki, () => Date.now());
  }

  static async start(nodes: readonly string[], options: ClusterOptions = {}): Promise<TestCluster> {
    const cluster = new TestCluster(options);
    await cluster.startScheduler();
    await Promise.all(nodes.map((name) => cluster.startNode(name)));
    return cluster;
  }

  /** A restarted scheduler listens where the one before did. */
  async startScheduler(): Promise<void> {
    const { ca, certificate, key } = await this.#certificates.scheduler(["localhost", "127.0.0.1"]);
    const token = this.#certificates.adminToken();
    const listen = this.#addresses ? new URL(this.#addresses.url).host : "127.0.0.1:0";
    const args = ["--store", `sqlite:${storeFileOf(this.directory)}`];
    args.push("--listen", listen, "--nodes-listen", this.#addresses?.nodesAddress ?? "127.0.0.1:0");
    args.push("--ca", ca, "--cert", certificate, "--key", key, "--token-file", token.file);
    args.push("--service-account-key-file", this.#certificates.serviceAccountKey());
    args.push("--encryption-key-file", this.#certificates.encryptionKeyFile());
    args.push("--lost-after", this.#options.lostAfter ?? "15s");
    args.push("--wide-host-namespaces", "default");
    args.push(...(this.#options.schedulerArgs ?? []));
    this.#scheduler = new Daemon(
      this.#programs.scheduler,
      args,
      join(this.directory.logs, "scheduler.log"),
      this.#options.schedulerCommand?.(this.directory),
    );
    this.#addresses = await this.#scheduler.ready;
    const access = { server: this.#addresses.url, caFile: ca, token: token.token };
    writeLocalKubeconfig(this.directory.kubeconfig, access);
  }

  async stopScheduler(): Promise<void> {
    await this.#scheduler?.end("SIGTERM");
  }

  /** HOST:PORT for node daemons. */
  get nodesAddress(): string {
    return this.#addresses?.nodesAddress ?? "";
  }

  get schedulerPid(): number {
    return this.#scheduler?.process.pid ?? 0;
  }

  get isSchedulerRunning(): boolean {
    const child = this.#scheduler?.process;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  async killScheduler(): Promise<void> {
    await this.#scheduler?.end("SIGKILL");
  }

  /** `more`: arguments beside those of all nodes. `program`: of another build. */
  async startNode(name: string, more: readonly string[] = [], program = this.#programs.node): Promise<void> {
    const { ca, certificate, key } = await this.#certificates.node(name);
    const state = this.directory.node(name);
    mkdirSync(state, { recursive: true });
    const args = ["--name", name, "--scheduler", this.#addresses?.nodesAddress ?? "", "--state-dir", state];
    args.push("--ca", ca, "--cert", certificate, "--key", key);
    for (const path of [checkout, this.folder, ...(this.#options.hostPaths ?? [])]) {
      args.push("--allow-host-path", path);
    }
    for (const listen of this.#options.listen ?? []) args.push("--allow-listen", listen);
    args.push("--reserve-host-path", this.directory.root, "--reserve-host-path", madeProgramsFolder);
    // A test that is killed leaves nothing behind.
    args.push("--end-orphaned-shims-after", "60");
    if (this.#options.gateways) args.push("--gateway-http", "127.0.0.1:0", "--gateway-debug-headers");
    if (this.#options.gateways) args.push("--gateway-functions", "127.0.0.1:0");
    // The machine that runs tests may be short for reasons of its own.
    args.push("--eviction-memory", "1Mi", "--eviction-disk", "1Mi");
    args.push(...(this.#options.nodeArgs ?? []), ...more);
    const node = new Daemon<NodeReady>(program, args, join(this.directory.logs, `${name}.log`));
    this.#nodes.set(name, node);
    const [url = ""] = (await node.ready).urls;
    this.#urls.set(name, url);
  }

  /** Where clients reach the gateway of a node, as its daemon has said last. */
  url(name: string): string {
    return this.#urls.get(name) ?? "";
  }

  async killNode(name: string): Promise<void> {
    await this.#nodes.get(name)?.end("SIGKILL");
  }

  async stopNode(name: string): Promise<void> {
    await this.#nodes.get(name)?.end("SIGTERM");
  }

  /** A frozen daemon keeps its connections and says nothing: what a partition looks like to the scheduler. */
  freezeNode(name: string): void {
    this.#nodes.get(name)?.process.kill("SIGSTOP");
  }

  thawNode(name: string): void {
    this.#nodes.get(name)?.process.kill("SIGCONT");
  }

  /** Pids of a node's shims. */
  shims(name: string): readonly number[] {
    return this.#processesIn(name, "runtimes/");
  }

  /** Pids of a node's gateway processes. */
  gateways(name: string): readonly number[] {
    return this.#processesIn(name, "gateway/");
  }

  /** Found by a part of the state folder in their command lines. */
  #processesIn(name: string, part: string): readonly number[] {
    const state = `${this.directory.node(name)}/${part}`;
    return readdirSync("/proc").flatMap((entry) => {
      const file = `/proc/${entry}/cmdline`;
      if (!/^\d+$/.test(entry) || Number(entry) === this.#nodes.get(name)?.process.pid) return [];
      try {
        const words = readFileSync(file, "utf8").split("\0");
        return words.some((word) => word.startsWith(state)) ? [Number(entry)] : [];
      } catch {
        return [];
      }
    });
  }

  killShims(name: string): void {
    for (const pid of this.shims(name)) process.kill(pid, "SIGKILL");
  }

  killGateways(name: string): void {
    for (const pid of this.gateways(name)) process.kill(pid, "SIGKILL");
  }

  /** What a node's daemon runs from. */
  programFolder(name: string): string {
    const words = readFileSync(`/proc/${this.nodePid(name)}/cmdline`, "utf8").split("\0");
    return resolve(words.find((word) => /\/main\.[jt]s$/.test(word)) ?? "", "../..");
  }

  nodePid(name: string): number {
    return this.#nodes.get(name)?.process.pid ?? 0;
  }

  /** The scheduler, the daemons, their shims and gateways. */
  pids(): readonly number[] {
    const daemons = [this.#scheduler, ...this.#nodes.values()].flatMap((daemon) => daemon?.process.pid ?? []);
    return [...daemons, ...[...this.#nodes.keys()].flatMap((name) => this.#processesIn(name, ""))];
  }

  /** Where the API is, and the administrator's credentials. */
  get access(): { readonly url: string; readonly ca: Buffer; readonly token: string } {
    const { token } = this.#certificates.adminToken();
    const ca = readFileSync(join(this.directory.pki, "ca.crt"));
    return { url: this.#addresses?.url ?? "", ca, token };
  }

  /** A plain HTTPS client, for measurements that a process per request would drown. */
  client(): TestClient {
    const { url, ca, token } = this.access;
    return new TestClient(url, ca, token);
  }

  /** The command line's own client, for requests that tests make by themselves. Each has its own connections. */
  api(): ApiClient {
    return new ApiClient(readClusterAccess([this.directory.kubeconfig], undefined));
  }

  /** Runs the CLI against this cluster. */
  wherry(...args: readonly string[]): Promise<CommandResult> {
    return this.wherryWithInput(undefined, ...args);
  }

  wherryWithInput(input: string | undefined, ...args: readonly string[]): Promise<CommandResult> {
    return run(process.execPath, [join(checkout, "cli/bin.mjs"), ...args], input, {
      ...process.env,
      KUBECONFIG: this.directory.kubeconfig,
    });
  }

  /** A command that goes on until it is stopped. */
  stream(...args: readonly string[]): RunningCommand {
    const env = { ...process.env, KUBECONFIG: this.directory.kubeconfig };
    return streamCommand(process.execPath, [join(checkout, "cli/bin.mjs"), ...args], env);
  }

  async apply(manifest: string): Promise<void> {
    const { code, stdout, stderr } = await this.wherryWithInput(manifest, "apply", "-f", "-");
    if (code !== 0) throw new Error(`apply failed (${code}):\n${stdout}${stderr}`);
  }

  /**
   * What `wherry get -o json` prints. Tests ask this again and again while they wait, so the command runs in this process: one of
   * its own costs a third of a second of CPU each time, and the longer an answer takes the more is missed in between.
   */
  async json<T>(...args: readonly string[]): Promise<T> {
    const terminal = new TestTerminal(this.folder);
    terminal.env["KUBECONFIG"] = this.directory.kubeconfig;
    const code = await runCommandLine(["get", ...args, "-o", "json"], terminal);
    if (code !== 0) throw new Error(`get ${args.join(" ")} failed (${code}):\n${terminal.stderr}`);
    return JSON.parse(terminal.stdout) as T;
  }

  async instances(): Promise<readonly TestInstance[]> {
    return (await this.json<{ items: readonly TestInstance[] }>("wasminstances", "-A")).items;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const keep = process.env["WHERRY_KEEP_TEST_STATE"] !== undefined;
    await Promise.all([...this.#nodes.values()].map((node) => node.end("SIGTERM")));
    await this.#scheduler?.end("SIGTERM");
    for (const name of this.#nodes.keys()) {
      this.killShims(name);
      this.killGateways(name);
    }
    if (!keep && existsSync(this.folder)) rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface TestInstance {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly owner: { readonly name: string };
    readonly completionIndex?: number;
  };
  readonly status: {
    readonly phase: string;
    readonly display: string;
    readonly reason?: string;
    readonly message?: string;
    readonly restarts: number;
    readonly ready: string;
    readonly exitCode?: number;
    readonly logsDropped?: boolean;
    readonly lastTermination?: { readonly reason: string; readonly message: string };
  };
}

export interface RunningCommand {
  /** Everything printed so far. */
  readonly text: () => string;
  readonly stop: () => void;
}

export function streamCommand(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): RunningCommand {
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], cwd: checkout });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  }
  return { text: () => text, stop: () => void child.kill("SIGTERM") };
}

export function run(
  program: string,
  args: readonly string[],
  input: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<CommandResult> {
  return new Promise((settle, reject) => {
    const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"], cwd: checkout });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", reject);
    child.once("close", (code) => settle({ code, stdout, stderr }));
    // One that has ended already does not read; its exit code tells.
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
  });
}

/** Asks again until `check` passes; fails with its last complaint. For waiting on other processes only. */
export async function eventually(check: () => Promise<void>, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      await check();
      return;
    } catch (thrown) {
      if (performance.now() > deadline) throw thrown;
      await new Promise((settle) => setTimeout(settle, 100));
    }
  }
}
