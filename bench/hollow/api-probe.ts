import { Agent, request } from "node:https";
import type { TestCluster } from "../../test/support/cluster.ts";

/** Between two requests of each sort: a person with a dashboard, not a load. */
const pauseMs = 50;

export interface Lateness {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Asks the API the same things all the time, one after the other, and notes how long each answer took. */
export class ApiProbe {
  readonly #cluster: TestCluster;
  readonly #agent: Agent;
  readonly #begin = performance.now();
  readonly #tookMs: Record<"list" | "create", number[]> = { list: [], create: [] };
  readonly #done: Promise<void>;
  #created = 0;
  #stopped = false;

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
    this.#agent = new Agent({ keepAlive: true, ca: cluster.access.ca });
    this.#done = this.#run();
  }

  async stop(): Promise<{ readonly list: Lateness; readonly create: Lateness }> {
    this.#stopped = true;
    await this.#done;
    this.#agent.destroy();
    return { list: latenessOf(this.#tookMs.list), create: latenessOf(this.#tookMs.create) };
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const begin = performance.now();
      await this.#call("GET", "/apis/wherry.dev/v1alpha1/wasmnodes?limit=100", undefined);
      const listed = performance.now();
      this.#tookMs.list.push(listed - begin);
      const metadata = { name: `probe-${Math.round(this.#begin)}-${this.#created++}` };
      const object = { apiVersion: "v1", kind: "ConfigMap", metadata, data: {} };
      await this.#call("POST", "/api/v1/namespaces/default/configmaps", object);
      this.#tookMs.create.push(performance.now() - listed);
      await new Promise((settle) => setTimeout(settle, pauseMs));
    }
  }

  #call(method: string, path: string, body: object | undefined): Promise<void> {
    const { url, token } = this.#cluster.access;
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    return new Promise((settle, reject) => {
      const call = request(url + path, { method, agent: this.#agent, headers }, (response) => {
        const { statusCode = 0 } = response;
        response.resume().once("end", () => {
          if (statusCode < 300) settle();
          else reject(new Error(`${method} ${path} was answered with ${statusCode}`));
        });
      });
      call.once("error", reject);
      call.end(body && JSON.stringify(body));
    });
  }
}

function latenessOf(tookMs: readonly number[]): Lateness {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
