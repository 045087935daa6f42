import { localLimits } from "./limits.ts";

export interface HttpPort {
  readonly port: number;
  /** This one and no other; else the next one that is free. */
  readonly strict: boolean;
}

export interface GatewayPorts {
  /** Where the first node's gateway accepts HTTP, the others at the ports after it; undefined: there is none. */
  readonly http: HttpPort | undefined;
  /** The same for HTTPS: this port and those after it. */
  readonly httpsPort: number | undefined;
}

/** Whoever starts a cluster on a machine of their own may know how long what took. */
export function gatewayFlags(
  { http, httpsPort }: GatewayPorts,
  index: number,
): Readonly<Record<string, string>> {
  const https = httpsPort === undefined ? {} : { "gateway-https": `127.0.0.1:${httpsPort + index}` };
  if (!http) return httpsPort === undefined ? {} : { ...https, "gateway-debug-headers": "" };
  const port = http.port + index;
  const last = http.strict ? port : Math.min(65_535, port + localLimits.httpPortsTried - 1);
  const ports = last > port ? `${port}-${last}` : `${port}`;
  return {
    "gateway-http": `127.0.0.1:${ports}`,
    ...https,
    "gateway-functions": "127.0.0.1:0",
    "gateway-debug-headers": "",
  };
}
