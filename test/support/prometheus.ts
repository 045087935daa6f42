/** A real Prometheus with the configuration that Wherry comes with, on a cluster of a test. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, type TestCluster } from "./cluster.ts";
import { freePort } from "./free-port.ts";
import { runKubectl } from "./kubectl.ts";
import { prometheusFolder } from "./prometheus-tools.ts";

export interface Target {
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly health: "up" | "down" | "unknown";
  readonly lastError: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface QuerySample {
  readonly metric: Readonly<Record<string, string>>;
  /** Time, and the value as text. */
  readonly value: readonly [number, string];
}

export interface LoadedRule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

/** Of somebody who may read what Prometheus reads: whom access.yaml makes. */
export async function prometheusToken(cluster: TestCluster): Promise<string> {
  const kubectl = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await runKubectl(cluster.directory.kubeconfig, args);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}: ${stderr}`);
    return stdout;
  };
  await kubectl("apply", "-f", join(prometheusFolder, "access.yaml"));
  return (await kubectl("create", "token", "prometheus", "-n", "monitoring")).trim();
}

export class TestPrometheus implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "wherry-prometheus-"));
  readonly url: string;
  readonly port: number;
  readonly #process: ChildProcess;

  private constructor(port: number, cluster: TestCluster, token: string) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    cpSync(prometheusFolder, this.folder, { recursive: true });
    mkdirSync(join(this.folder, "credentials"), { recursive: true });
    writeFileSync(join(this.folder, "credentials/ca.crt"), cluster.access.ca);
    writeFileSync(join(this.folder, "credentials/token"), `${token}\n`);
    const file = join(this.folder, "prometheus.yml");
    const shipped = readFileSync(file, "utf8");
    const adapted = shipped
      .replaceAll("https://localhost:7443", cluster.access.url)
      .replaceAll(/interval: \d+s/g, "interval: 1s");
    writeFileSync(file, adapted);
    const log = openSync(join(this.folder, "prometheus.log"), "a");
    this.#process = spawn(
      "prometheus",
      [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(this.folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: ["ignore", log, log] },
    );
  }

  /** `token`: of somebody who may read /metrics and /sd/prometheus. It knows nothing of what one before it at `port` knew. */
  static async start(cluster: TestCluster, token: string, port?: number): Promise<TestPrometheus> {
    const prometheus = new TestPrometheus(port ?? (await freePort()), cluster, token);
    await eventually(async () => {
      const { ok } = await fetch(`${prometheus.url}/-/ready`);
      if (!ok) throw new Error(`not ready: ${prometheus.log}`);
    });
    return prometheus;
  }

  get log(): string {
    return readFileSync(join(this.folder, "prometheus.log"), "utf8").slice(-2_000);
  }

  async targets(): Promise<readonly Target[]> {
    return (await this.#get<{ activeTargets: readonly Target[] }>("targets", {})).activeTargets;
  }

  async query(query: string): Promise<readonly QuerySample[]> {
    return (await this.#get<{ result: readonly QuerySample[] }>("query", { query })).result;
  }

  async rules(): Promise<readonly LoadedRule[]> {
    const { groups } = await this.#get<{ groups: readonly { readonly rules: readonly LoadedRule[] }[] }>(
      "rules",
      {},
    );
    return groups.flatMap((group) => group.rules);
  }

  /** Throws with Prometheus' own message. */
  async #get<Data>(path: string, parameters: Readonly<Record<string, string>>): Promise<Data> {
    const response = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
    // Prometheus' answers: https://prometheus.io/docs/prometheus/latest/querying/api/
    const { status, data, error } = (await response.json()) as { status: string; data: Data; error?: string };
    if (status !== "success") throw new Error(error ?? `${path}: ${response.status}`);
    return data;
  }

  /** As a crash does. */
  async kill(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const gone = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await gone;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
