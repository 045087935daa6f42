import { tokenIssuer } from "../authentication/service-account-tokens.ts";
import { methodNotAllowed } from "../status.ts";
import type { ApiContext } from "./context.ts";
import type { Exchange } from "./exchange.ts";

const configurationPath = ".well-known/openid-configuration";
const keysPath = "openid/v1/jwks";

/**
 * How others verify the tokens of ServiceAccounts: OpenID Connect's discovery document and the public keys.
 * https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery
 */
export function isIssuerPath(parts: readonly string[]): boolean {
  const path = parts.join("/");
  return path === configurationPath || path === keysPath;
}

export async function serveIssuer(
  { serviceAccounts }: ApiContext,
  exchange: Exchange,
  parts: readonly string[],
): Promise<void> {
  if (exchange.method !== "GET" && exchange.method !== "HEAD") throw methodNotAllowed();
  if (parts.join("/") === keysPath) {
    const keys = serviceAccounts.options.keys.map(({ id, publicKey }) => ({
      use: "sig",
      kid: id,
      alg: "ES256",
      ...publicKey.export({ format: "jwk" }),
    }));
    return exchange.send(200, { keys }, { type: "application/jwk-set+json" });
  }
  const { host = "localhost" } = exchange.request.headers;
  await exchange.send(200, {
    issuer: tokenIssuer,
    jwks_uri: `https://${host}/${keysPath}`,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  });
}
