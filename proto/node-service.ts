/** The gRPC contract, loaded from its one source, with the types generated from it. */
import { loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { fileURLToPath } from "node:url";
import type { ProtoGrpcType } from "./gen/node.ts";

/** Raised when a message changes its meaning; buf's breaking check guards everything else. */
export const protocolVersion = 2;

/** Both sides refuse larger messages. Senders split batches to stay well below: see {@link batchItemsMax}. */
export const messageBytesMax = 32 * 1024 * 1024;

/** How many instances one message carries at most. Templates are counted by their bytes instead. */
export const batchItemsMax = 500;

/**
 * What one hello can say. Flags of a daemon: folders and ports that it gives to instances, kinds of devices, where its gateway
 * listens. More is refused.
 */
export const helloLimits = {
  grantsMax: 1_024,
  extendedMax: 64,
  gatewayUrlsMax: 16,
  gatewayTextMax: 300,
} as const;

/** What addresses in a hello look like; others are refused. */
export const hostPortForm = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?):[0-9]{1,5}$/;

const definition = loadSync(fileURLToPath(new URL("wherry/v1/node.proto", import.meta.url)), {
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
});

export const { NodeService } = (loadPackageDefinition(definition) as unknown as ProtoGrpcType).wherry.v1;
