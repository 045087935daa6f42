/** functions.proto as a gRPC library of Node's has it: what programs in other languages would speak. */
import { fileURLToPath } from "node:url";
import {
  type ChannelCredentials,
  type Client,
  loadPackageDefinition,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

export interface EchoRequest {
  readonly id: number;
  readonly function: string;
  readonly input: Buffer;
}

export interface EchoResponse {
  readonly id: number;
  readonly output: Buffer;
}

export interface EchoStream extends NodeJS.EventEmitter {
  write(request: EchoRequest): boolean;
  end(): void;
}

export type EchoClient = Client & {
  call(request: EchoRequest, done: (error: Error | null, response: EchoResponse) => void): void;
  calls(): EchoStream;
};

interface Package {
  readonly wherry: {
    readonly v1: {
      readonly FunctionService: {
        readonly service: ServiceDefinition;
        new (address: string, credentials: ChannelCredentials): EchoClient;
      };
    };
  };
}

const proto = fileURLToPath(new URL("../../proto/wherry/v1/functions.proto", import.meta.url));
const definition = loadSync(proto, { longs: Number, oneofs: false, defaults: true });
// Types are generated for the node's contract only.
export const { FunctionService } = (loadPackageDefinition(definition) as unknown as Package).wherry.v1;
