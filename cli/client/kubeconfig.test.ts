import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { locateKubeconfig } from "./kubeconfig-location.ts";
import { readClusterAccess } from "./kubeconfig.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-kubeconfig-"));
  return () => rmSync(folder, { recursive: true, force: true });
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const cluster = (name: string, server: string) =>
  `clusters: [{name: ${name}, cluster: {server: "${server}", certificate-authority: ca.crt}}]\n`;
const context = (name: string, user = "me") =>
  `contexts: [{name: ${name}, context: {cluster: c, user: ${user}, namespace: team}}]\n`;

test("readClusterAccess: merges files, the first that defines something wins", () => {
  write("a/ca.crt", "PEM of a");
  const a = write("a/config", `${cluster("c", "https://a:1")}current-context: one\n`);
  const b = write(
    "b/config",
    `${cluster("c", "https://b:1")}${context("one")}users: [{name: me, user: {token: t}}]\ncurrent-context: two\n`,
  );
  const access = readClusterAccess([a, b], undefined);
  expect(access).toMatchObject({ certificateAuthority: "PEM of a", token: "t", namespace: "team" });
  expect(access.server.host).toBe("a:1");
});

test("readClusterAccess: reads data, files beside the kubeconfig, and token files", () => {
  write("token", "from-file\n");
  write("me.crt", "CERT");
  const key = Buffer.from("KEY").toString("base64");
  const file = write(
    "config",
    `${cluster("c", "https://c:1").replace("ca.crt", "/dev/null")}${context("one")}current-context: one
users: [{name: me, user: {tokenFile: token, client-certificate: me.crt, client-key-data: ${key}}}]\n`,
  );
  expect(readClusterAccess([file], undefined)).toMatchObject({
    token: "from-file",
    clientCertificate: "CERT",
    clientKey: "KEY",
  });
});

test.each([
  {
    name: "no current context",
    text: context("one"),
    context: undefined,
    message: /no current context; choose one of "one"/,
  },
  {
    name: "unknown context",
    text: context("one"),
    context: "two",
    message: /context "two" is not in .*; it has "one"/,
  },
  {
    name: "missing cluster",
    text: context("one"),
    context: "one",
    message: /names cluster "c", which is missing/,
  },
  {
    name: "missing user",
    text: cluster("c", "https://c:1") + context("one"),
    context: "one",
    message: /names user "me", which is missing/,
  },
  {
    name: "sign-in that is not known",
    text: `${cluster("c", "https://c:1").replace("ca.crt", "/dev/null")}${context("one")}users: [{name: me, user: {exec: {}}}]`,
    context: "one",
    message: /signs in by "exec"/,
  },
  { name: "not YAML", text: "clusters: [", context: "one", message: /is not a kubeconfig/ },
])("readClusterAccess: $name", ({ text, context: name, message }) => {
  expect(() => readClusterAccess([write("config", text)], name)).toThrow(message);
});

test("locateKubeconfig: flag, then KUBECONFIG, then home, then the nearest local one", () => {
  const terminal = {
    env: {} as Record<string, string>,
    workingDirectory: join(folder, "a/b"),
    homeDirectory: folder,
  };
  expect(() => locateKubeconfig(undefined, terminal)).toThrow("no cluster is known");
  const local = write("a/.wherry/kubeconfig", "");
  expect(locateKubeconfig(undefined, terminal)).toEqual({ kind: "local", files: [local] });
  const home = write(".kube/config", "");
  expect(locateKubeconfig(undefined, terminal)).toEqual({ kind: "home", files: [home] });
  terminal.env["KUBECONFIG"] = `${join(folder, "missing")}:${home}`;
  expect(locateKubeconfig(undefined, terminal)).toEqual({ kind: "environment", files: [home] });
  expect(locateKubeconfig("x", terminal)).toEqual({ kind: "flag", files: [join(folder, "a/b/x")] });
});
