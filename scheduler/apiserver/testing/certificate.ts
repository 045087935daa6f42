import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonName,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { randomBytes, webcrypto } from "node:crypto";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const hourMs = 3_600_000;

export interface LeafOptions {
  readonly subject: JsonName;
  /** "none": without an extended key usage. */
  readonly usage?: "client" | "server" | "none";
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** An authority that signs certificates for tests. It is a server for 127.0.0.1 itself. */
export class TestAuthority {
  readonly key: string;
  readonly cert: string;
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(key: string, cert: string, keys: webcrypto.CryptoKeyPair) {
    this.key = key;
    this.cert = cert;
    this.#keys = keys;
  }

  static async create(name: string): Promise<TestAuthority> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      keys,
      signingAlgorithm: algorithm,
      notBefore: new Date(Date.now() - hourMs),
      notAfter: new Date(Date.now() + 24 * hourMs),
      extensions: [
        new BasicConstraintsExtension(true),
        new SubjectAlternativeNameExtension([
          { type: "ip", value: "127.0.0.1" },
          { type: "dns", value: "localhost" },
        ]),
      ],
    });
    return new TestAuthority(await privatePem(keys.privateKey), certificate.toString("pem"), keys);
  }

  async leaf(options: LeafOptions): Promise<{ readonly key: string; readonly cert: string }> {
    const { usage = "client" } = options;
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const extensions =
      usage === "none"
        ? []
        : [
            new ExtendedKeyUsageExtension([
              usage === "client" ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth,
            ]),
          ];
    const certificate = await X509CertificateGenerator.create({
      serialNumber: `4${randomBytes(8).toString("hex").slice(1)}`,
      subject: options.subject,
      issuer: new X509Certificate(this.cert).subject,
      notBefore: options.notBefore ?? new Date(Date.now() - hourMs),
      notAfter: options.notAfter ?? new Date(Date.now() + hourMs),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      extensions,
    });
    return { key: await privatePem(keys.privateKey), cert: certificate.toString("pem") };
  }
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const exported = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key)).toString("base64");
  const body = exported.match(/.{1,64}/g)?.join("\n") ?? "";
  return `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`;
}
