import { type ChannelOptions, credentials } from "@grpc/grpc-js";
import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import type { NodeServiceClient } from "../../proto/gen/wherry/v1/NodeService.ts";
import { messageBytesMax, NodeService } from "../../proto/node-service.ts";
import { keepalive } from "../core/limits.ts";

export interface ClientTls {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

const channelOptions: ChannelOptions = {
  "grpc.max_receive_message_length": messageBytesMax,
  "grpc.max_send_message_length": messageBytesMax,
  "grpc.keepalive_time_ms": keepalive.intervalMs,
  "grpc.keepalive_timeout_ms": keepalive.timeoutMs,
  "grpc.keepalive_permit_without_calls": 1,
  // Each attempt is a channel of its own, so that only our backoff applies.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_retries": 0,
};

/** A channel to HOST:PORT. The other side must have a certificate of our CA that names the host. */
export function dial(address: string, tls: ClientTls): NodeServiceClient {
  const host = hostOf(address);
  const secure = credentials.createSsl(tls.ca, tls.key, tls.cert, {
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
  });
  // TLS has no server name for an address, and Node refuses one there; the check above still wants the address.
  const named = isIP(host) ? { "grpc.ssl_target_name_override": "wherry-scheduler" } : {};
  return new NodeService(address, secure, { ...channelOptions, ...named });
}

function hostOf(address: string): string {
  const host = address.slice(0, address.lastIndexOf(":"));
  return host.startsWith("[") ? host.slice(1, -1) : host;
}
