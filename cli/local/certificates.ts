/**
 * The certificates of a local cluster: a CA made once, and from it one certificate for the scheduler and one for each
 * node. They are made again when they are near their end or no longer fit; the CA never is, because everything that
 * trusts the cluster trusts it.
 */
import { generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { writePrivateFile } from "./state-directory.ts";

export interface CertificateFiles {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

interface LeafRequest {
  readonly commonName: string;
  readonly organization?: string;
  readonly usages: readonly ("server" | "client")[];
  /** Names and addresses, for a server. */
  readonly hosts: readonly string[];
}

const dayMs = 86_400_000;
const caDays = 3650;
const leafDays = 365;
/** A certificate with less left than this is made again at the next start. */
const renewBeforeDays = 30;
/** Clocks of machines differ; a certificate is valid from a little earlier. */
const clockSkewMs = 300_000;

export class LocalCertificates {
  readonly #folder: string;
  readonly #now: () => number;

  constructor(folder: string, now: () => number) {
    this.#folder = folder;
    this.#now = now;
  }

  /** The scheduler's, for both its API and its node sessions. */
  async scheduler(hosts: readonly string[]): Promise<CertificateFiles> {
    return this.#leaf("scheduler", { commonName: "wherry-scheduler", usages: ["server"], hosts });
  }

  /** A node's, by which the scheduler and other nodes know its name: to them it is a client, and to nodes a server as well. */
  async node(name: string): Promise<CertificateFiles> {
    const commonName = `system:node:${name}`;
    return this.#leaf(`node-${name}`, {
      commonName,
      organization: "system:nodes",
      usages: ["client", "server"],
      hosts: [],
    });
  }

  /** The administrator's bearer token, made once. */
  adminToken(): { readonly file: string; readonly token: string } {
    const file = join(this.#folder, "admin-token");
    if (!existsSync(file)) writePrivateFile(file, `${randomBytes(32).toString("hex")}\n`);
    return { file, token: readFileSync(file, "utf8").trim() };
  }

  /** The file with the key that signs the tokens of ServiceAccounts, made once: with another, those that are out are void. */
  serviceAccountKey(): string {
    const file = join(this.#folder, "service-account.key");
    if (!existsSync(file)) {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      writePrivateFile(file, privateKey.export({ type: "pkcs8", format: "pem" }));
    }
    return file;
  }

  get hasEncryptionKey(): boolean {
    return existsSync(this.encryptionKeyPath);
  }

  /** The key under which the scheduler encrypts Secrets in its store, made once. Its name tells it from any later one. */
  encryptionKeyFile(): string {
    const file = this.encryptionKeyPath;
    if (!existsSync(file)) {
      const name = `key-${randomBytes(4).toString("hex")}`;
      writePrivateFile(file, `${name}:${randomBytes(32).toString("base64")}\n`);
    }
    return file;
  }

  get encryptionKeyPath(): string {
    return join(this.#folder, "encryption.keys");
  }

  async #leaf(name: string, request: LeafRequest): Promise<CertificateFiles> {
    const files = {
      ca: join(this.#folder, "ca.crt"),
      certificate: join(this.#folder, `${name}.crt`),
      key: join(this.#folder, `${name}.key`),
    };
    const caKey = join(this.#folder, "ca.key");
    if (!existsSync(files.ca) || !existsSync(caKey)) await this.#makeCa(files.ca, caKey);
    if (!this.#isUsable(files, request)) await this.#makeLeaf(files, caKey, request);
    return files;
  }

  #isUsable(files: CertificateFiles, { commonName, usages, hosts }: LeafRequest): boolean {
    if (!existsSync(files.certificate) || !existsSync(files.key)) return false;
    try {
      const certificate = new X509Certificate(readFileSync(files.certificate));
      const ca = new X509Certificate(readFileSync(files.ca));
      return (
        certificate.verify(ca.publicKey) &&
        certificate.validToDate.getTime() - this.#now() > renewBeforeDays * dayMs &&
        certificate.subject.split("\n").includes(`CN=${commonName}`) &&
        usages.every((usage) => certificate.keyUsage?.includes(usageIds[usage])) &&
        hosts.every(
          (host) => (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined,
        )
      );
    } catch {
      return false;
    }
  }

  async #makeCa(certificateFile: string, keyFile: string): Promise<void> {
    const x509 = await loadX509();
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: randomSerial(),
      name: `CN=wherry-ca-${randomBytes(4).toString("hex")}`,
      ...this.#validity(caDays),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    writePrivateFile(keyFile, await privatePem(keys.privateKey));
    writePrivateFile(certificateFile, `${certificate.toString("pem")}\n`);
  }

  async #makeLeaf(files: CertificateFiles, caKeyFile: string, request: LeafRequest): Promise<void> {
    const x509 = await loadX509();
    const ca = new x509.X509Certificate(readFileSync(files.ca, "utf8"));
    const caKey = await crypto.subtle.importKey(
      "pkcs8",
      x509.PemConverter.decodeFirst(readFileSync(caKeyFile, "utf8")),
      algorithm,
      false,
      ["sign"],
    );
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const names = request.hosts.map((value) => ({ type: isIP(value) ? "ip" : "dns", value }) as const);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: randomSerial(),
      subject: [
        { CN: [request.commonName] },
        ...(request.organization ? [{ O: [request.organization] }] : []),
      ],
      issuer: ca.subject,
      ...this.#validity(leafDays),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: caKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(request.usages.map((usage) => usageIds[usage])),
        await x509.AuthorityKeyIdentifierExtension.create(ca),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ],
    });
    writePrivateFile(files.key, await privatePem(keys.privateKey));
    writePrivateFile(files.certificate, `${certificate.toString("pem")}\n`);
  }

  #validity(days: number): { readonly notBefore: Date; readonly notAfter: Date } {
    const now = this.#now();
    return { notBefore: new Date(now - clockSkewMs), notAfter: new Date(now + days * dayMs) };
  }
}

/** Of the extended key usage, as RFC 5280 numbers them. */
const usageIds = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** Loaded only when a certificate is made: every other start of the cluster does without. */
async function loadX509() {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

/** 127 random bits with the top one set: positive, and of one length. */
function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

async function privatePem(key: CryptoKey): Promise<string> {
  const encoded = Buffer.from(await crypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${encoded.replaceAll(/(.{64})(?=.)/g, "$1\n")}\n-----END PRIVATE KEY-----\n`;
}
