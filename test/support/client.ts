import { request, type RequestOptions } from "node:https";
import { createInterface } from "node:readline";
import { parse } from "yaml";

type Status = Readonly<Record<string, unknown>>;

interface WatchEvent {
  readonly type: string;
  readonly object: { readonly status?: Status };
}

/** Creates deployments and watches them. */
export class TestClient {
  readonly #server: string;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #options: RequestOptions;

  constructor(url: string, ca: Buffer, token: string) {
    this.#server = url;
    this.#url = `${url}/apis/wherry.dev/v1alpha1/namespaces/default/wasmdeployments`;
    this.#headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    this.#options = { ca, headers: { ...this.#headers } };
  }

  async create(manifest: string): Promise<void> {
    await this.#send("POST", this.#url, parse(manifest) as object);
  }

  async scale(name: string, replicas: number): Promise<void> {
    await this.patch(name, { replicas });
  }

  /** Returns the generation that the deployment has now. */
  async patch(name: string, spec: Readonly<Record<string, unknown>>): Promise<number> {
    const url = `${this.#url}/${name}`;
    const patched = await this.#send("PATCH", url, { spec }, "application/merge-patch+json");
    return (patched as { metadata: { generation: number } }).metadata.generation;
  }

  /** Resolves when all instances of a deployment are of this generation and ready, and no others are there. */
  async settled(name: string, generation: number, replicas: number): Promise<void> {
    await this.until(
      name,
      ({ observedGeneration, ...status }) =>
        Number(observedGeneration) >= generation &&
        [status["replicas"], status["updatedReplicas"], status["readyReplicas"]].every(
          (count) => (count ?? 0) === replicas,
        ),
    );
  }

  /** In the foreground: resolves when it is gone, which is after the last of its instances. */
  async delete(name: string): Promise<void> {
    let deletion: Promise<unknown> | undefined;
    await this.#watch(name, ({ type }) => {
      // The first event says that it is watched.
      deletion ??= this.#send("DELETE", `${this.#url}/${name}?propagationPolicy=Foreground`, undefined);
      return type === "DELETED";
    });
    await deletion;
  }

  /** In all namespaces. */
  async countInstances(): Promise<number> {
    const url = `${this.#server}/apis/live.wherry.dev/v1alpha1/wasminstances?limit=1`;
    const { items, metadata } = (await this.#send("GET", url, undefined)) as {
      items: readonly unknown[];
      metadata: { remainingItemCount?: number };
    };
    return items.length + (metadata.remainingItemCount ?? 0);
  }

  /** Resolves when a deployment's status satisfies `check`, as its watch tells. */
  until(name: string, check: (status: Status) => boolean): Promise<void> {
    return this.#watch(name, ({ object }) => object.status !== undefined && check(object.status));
  }

  #watch(name: string, check: (event: WatchEvent) => boolean): Promise<void> {
    const url = `${this.#url}?watch=true&fieldSelector=metadata.name%3D${name}`;
    return new Promise((settle, reject) => {
      const call = request(url, this.#options, (response) => {
        const lines = createInterface({ input: response });
        // Also what the call's own end makes the response say.
        lines.on("error", reject);
        lines.on("line", (line) => {
          if (!check(JSON.parse(line) as WatchEvent)) return;
          settle();
          call.destroy();
        });
      });
      call.once("error", reject);
      call.end();
    });
  }

  #send(method: string, url: string, body: object | undefined, contentType?: string): Promise<unknown> {
    const type = contentType === undefined ? {} : { "content-type": contentType };
    const options = { ...this.#options, method, headers: { ...this.#headers, ...type } };
    return new Promise((settle, reject) => {
      const call = request(url, options, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => {
          if ((response.statusCode ?? 500) < 300) settle(JSON.parse(text));
          else reject(new Error(text));
        });
      });
      call.once("error", reject);
      call.end(body && JSON.stringify(body));
    });
  }
}
