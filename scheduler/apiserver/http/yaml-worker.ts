/** The thread that reads long YAML: texts come, JSON texts go. */
import { parentPort } from "node:worker_threads";
import { errorMessage } from "../../../kit/errors.ts";
import { yamlToJson } from "./yaml-text.ts";

export type YamlReply =
  | { readonly kind: "json"; readonly text: string }
  | { readonly kind: "refused"; readonly message: string };

parentPort?.on("message", (text: string) => {
  parentPort?.postMessage(replyTo(text), []);
});

function replyTo(text: string): YamlReply {
  try {
    return { kind: "json", text: yamlToJson(text) };
  } catch (thrown) {
    return { kind: "refused", message: errorMessage(thrown) };
  }
}
