import "reflect-metadata";
import {
  X509CertificateGenerator,
  SubjectAlternativeNameExtension,
  BasicConstraintsExtension,
} from "@peculiar/x509";
import { webcrypto } from "node:crypto";

/** A certificate of its own authority for 127.0.0.1, as PEM. */
export async function selfSignedCertificate(): Promise<{
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=wherry-test",
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 86_400_000),
    extensions: [
      new BasicConstraintsExtension(true),
      new SubjectAlternativeNameExtension([
        { type: "ip", value: "127.0.0.1" },
        { type: "dns", value: "localhost" },
      ]),
    ],
  });
  const exported = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const body = exported.match(/.{1,64}/g)?.join("\n") ?? "";
  const cert = certificate.toString("pem");
  return { key: `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`, cert, ca: cert };
}
