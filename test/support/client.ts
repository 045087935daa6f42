import { request, type RequestOptions } from "node:https";
import { createInterface } from "node:readline";
import { parse } from "yaml";

type Status = Readonly<Record<string, unknown>>;

/** Creates deployments and watches their status. */
export class TestClient {
  readonly #url: string;
  readonly #options: RequestOptions;

  constructor(url: string, ca: Buffer, token: string) {
    this.#url = `${url}/apis/wherry.dev/v1alpha1/namespaces/default/wasmdeployments`;
    this.#options = { ca, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" } };
  }

  create(manifest: string): Promise<void> {
    return new Promise((settle, reject) => {
      const call = request(this.#url, { ...this.#options, method: "POST" }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => (response.statusCode === 201 ? settle() : reject(new Error(text))));
      });
      call.once("error", reject);
      call.end(JSON.stringify(parse(manifest)));
    });
  }

  /** Resolves when a deployment's status satisfies `check`, as its watch tells. */
  until(name: string, check: (status: Status) => boolean): Promise<void> {
    const url = `${this.#url}?watch=true&fieldSelector=metadata.name%3D${name}`;
    return new Promise((settle, reject) => {
      const call = request(url, this.#options, (response) => {
        const lines = createInterface({ input: response });
        // Also what the call's own end makes the response say.
        lines.on("error", reject);
        lines.on("line", (line) => {
          const { object } = JSON.parse(line) as { object: { status?: Status } };
          if (!object.status || !check(object.status)) return;
          settle();
          call.destroy();
        });
      });
      call.once("error", reject);
      call.end();
    });
  }
}
