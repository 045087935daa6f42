import { expect, test } from "vitest";
import { AllowedNetwork } from "./allowed-network.ts";

const network = new AllowedNetwork(
  [
    { namespace: undefined, address: "127.0.0.1", fromPort: 1024, toPort: 65_535 },
    { namespace: "web", address: "*", fromPort: 80, toPort: 80 },
  ],
  ["web"],
);

const listener = (address: string, port: number) => ({ name: "http", address, port });

test.each([
  ["any namespace at an allowed address", "default", "127.0.0.1", 8080, "granted"],
  ["whatever port is free", "default", "127.0.0.1", 0, "granted"],
  ["a port below the range", "default", "127.0.0.1", 80, "refused"],
  ["another address", "default", "0.0.0.0", 8080, "refused"],
  ["a namespace's own rule", "web", "0.0.0.0", 80, "granted"],
  ["another namespace's rule", "other", "::", 80, "refused"],
  ["whatever port is free under a narrow rule", "web", "0.0.0.0", 0, "refused"],
])("judge: %s", (_name, namespace, address, port, kind) => {
  const verdict = network.judge({ allow: [], listeners: [listener(address, port)] }, namespace);
  expect(verdict.kind).toBe(kind);
});

test("judge: a refusal names the listener, what is allowed and the flag", () => {
  const verdict = network.judge({ allow: [], listeners: [listener("::", 443)] }, "web");
  expect(verdict).toEqual({
    kind: "refused",
    reason: "ListenNotAllowed",
    message:
      "listener http: this node does not let namespace web listen at [::]:443: it allows 127.0.0.1:1024-65535, *:80; " +
      "start its daemon with --allow-listen [NAMESPACE=]ADDRESS:PORT[-PORT] (--listen of wherry up) to allow more",
  });
});

test.each([
  ["the machine's own address without leave", "default", "127.0.0.1", "refused"],
  ["a cloud's metadata service without leave", "default", "169.254.169.254", "refused"],
  ["the machine's own address with leave", "web", "::1", "granted"],
  ["a private address", "default", "10.1.2.3", "granted"],
  ["a name", "default", "localhost", "granted"],
])("judge: connecting to %s", (_name, namespace, host, kind) => {
  expect(network.judge({ allow: [{ host, port: 80 }], listeners: [] }, namespace).kind).toBe(kind);
});
