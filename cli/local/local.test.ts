import "reflect-metadata";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  X509Certificate as Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { beforeEach, expect, test } from "vitest";
import { type CertificateFiles, LocalCertificates } from "./certificates.ts";
import { RotatingFile, shortLine } from "./child-log.ts";
import { StateLock } from "./lock.ts";
import { identify, isRunning } from "./process-identity.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-local-"));
  return () => rmSync(folder, { recursive: true, force: true });
});

const now = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;
const read = (path: string) => new X509Certificate(readFileSync(path));

test("LocalCertificates: the CA signs the scheduler and the nodes, each for its use", async () => {
  const certificates = new LocalCertificates(folder, () => now);
  const server = await certificates.scheduler(["localhost", "127.0.0.1", "::1"]);
  const node = await certificates.node("laptop");
  const ca = read(server.ca);
  expect(ca.ca && ca.verify(ca.publicKey)).toBe(true);
  expect(read(server.certificate).verify(ca.publicKey)).toBe(true);
  expect(read(server.certificate).checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(read(server.certificate).checkIP("::1")).toBe("::1");
  expect(read(server.certificate).keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
  expect(read(node.certificate).subject.split("\n").toSorted()).toEqual([
    "CN=system:node:laptop",
    "O=system:nodes",
  ]);
  expect(read(node.certificate).keyUsage).toEqual(["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"]);
  expect(statSync(node.key).mode & 0o777).toBe(0o600);
});

test.each([
  { name: "is kept while it is good", laterMs: 300 * dayMs, hosts: ["localhost"], same: true },
  { name: "is renewed near its end", laterMs: 340 * dayMs, hosts: ["localhost"], same: false },
  { name: "is made again for another host", laterMs: 0, hosts: ["localhost", "other"], same: false },
])("LocalCertificates: a certificate $name, under the same CA", async ({ laterMs, hosts, same }) => {
  const first = await new LocalCertificates(folder, () => now).scheduler(["localhost"]);
  const before = [read(first.ca).serialNumber, read(first.certificate).serialNumber];
  await new LocalCertificates(folder, () => now + laterMs).scheduler(hosts);
  expect(read(first.ca).serialNumber).toBe(before[0]);
  expect(read(first.certificate).serialNumber === before[1]).toBe(same);
});

test("LocalCertificates: a node's certificate that is for clients only is made again, under the same CA", async () => {
  const certificates = new LocalCertificates(folder, () => now);
  const files = await certificates.node("laptop");
  await signForClients(files);
  const { serialNumber } = read(files.certificate);
  expect(read(files.certificate).keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
  await certificates.node("laptop");
  expect(read(files.certificate).serialNumber).not.toBe(serialNumber);
  expect(read(files.certificate).verify(read(files.ca).publicKey)).toBe(true);
});

/** As an earlier version has made it: good otherwise. */
async function signForClients(files: CertificateFiles): Promise<void> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const ca = new Certificate(readFileSync(files.ca, "utf8"));
  const caKey = readFileSync(join(folder, "ca.key"), "utf8");
  const imported = PemConverter.decodeFirst(caKey);
  const certificate = await X509CertificateGenerator.create({
    subject: "CN=system:node:laptop, O=system:nodes",
    issuer: ca.subject,
    notBefore: new Date(now),
    notAfter: new Date(now + 365 * dayMs),
    signingAlgorithm: algorithm,
    publicKey: new Certificate(readFileSync(files.certificate, "utf8")).publicKey,
    signingKey: await crypto.subtle.importKey("pkcs8", imported, algorithm, false, ["sign"]),
    extensions: [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])],
  });
  writeFileSync(files.certificate, certificate.toString("pem"));
}

test("LocalCertificates: the token is made once", () => {
  const token = () => new LocalCertificates(folder, () => now).adminToken().token;
  expect(token()).toMatch(/^[0-9a-f]{64}$/);
  expect(token()).toBe(token());
});

test("LocalCertificates: the key of ServiceAccounts is made once, on P-256, for its owner alone", () => {
  const file = () => new LocalCertificates(folder, () => now).serviceAccountKey();
  const pem = readFileSync(file(), "utf8");
  expect(createPrivateKey(pem).asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(readFileSync(file(), "utf8")).toBe(pem);
});

test("LocalCertificates: the key of Secrets is made once, for the owner only", () => {
  const file = new LocalCertificates(folder, () => now).encryptionKeyFile();
  const text = readFileSync(file, "utf8");
  expect(text).toMatch(/^key-[0-9a-f]{8}:[A-Za-z0-9+/]{43}=\n$/);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  new LocalCertificates(folder, () => now).encryptionKeyFile();
  expect(readFileSync(file, "utf8")).toBe(text);
});

test("StateLock: refuses a second holder, and is gone after the first", () => {
  const path = join(folder, "up.lock");
  {
    using _lock = new StateLock(path, folder);
    expect(() => new StateLock(path, folder)).toThrow(`pid ${process.pid}`);
  }
  expect(existsSync(path)).toBe(false);
});

test.each([
  {
    name: "a process that is gone",
    text: `{"holder":{"pid":${process.pid},"started":"another boot/1"},"children":[]}`,
  },
  { name: "nobody", text: "" },
])("StateLock: takes over from $name", ({ text }) => {
  const path = join(folder, "up.lock");
  writeFileSync(path, text);
  using lock = new StateLock(path, folder);
  expect(lock.leftovers).toEqual([]);
  expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ holder: { pid: process.pid } });
});

test("isRunning: this process, but none of its number from another time", () => {
  expect(isRunning(identify(process.pid))).toBe(true);
  expect(isRunning({ pid: process.pid, started: "another boot/1" })).toBe(false);
});

test("RotatingFile: keeps one old file at its bound", () => {
  const path = join(folder, "x.log");
  {
    using file = new RotatingFile(path, 10);
    for (const line of ["one", "two", "three", "four"]) file.writeLine(line);
  }
  expect(readFileSync(path, "utf8")).toBe("four\n");
  expect(readFileSync(`${path}.1`, "utf8")).toBe("three\n");
});

test.each([
  { name: "a warning", line: `{"level":40,"msg":"slow","ms":3}`, expected: "warn node: slow (ms=3)" },
  {
    name: "an error with its cause",
    line: `{"level":50,"msg":"no","err":{"message":"gone"}}`,
    expected: "error node: no: gone",
  },
  { name: "information", line: `{"level":30,"msg":"ready"}`, expected: undefined },
  { name: "no JSON", line: "Warning: x", expected: undefined },
  { name: "broken JSON", line: "{", expected: undefined },
])("shortLine: $name", ({ line, expected }) => {
  expect(shortLine("node", line)).toBe(expected);
});
