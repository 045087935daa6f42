// Original file: proto/wherry/v1/node.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { LogChunk as _wherry_v1_LogChunk, LogChunk__Output as _wherry_v1_LogChunk__Output } from '../../wherry/v1/LogChunk.ts';
import type { LogReceipt as _wherry_v1_LogReceipt, LogReceipt__Output as _wherry_v1_LogReceipt__Output } from '../../wherry/v1/LogReceipt.ts';
import type { NodeMessage as _wherry_v1_NodeMessage, NodeMessage__Output as _wherry_v1_NodeMessage__Output } from '../../wherry/v1/NodeMessage.ts';
import type { SchedulerMessage as _wherry_v1_SchedulerMessage, SchedulerMessage__Output as _wherry_v1_SchedulerMessage__Output } from '../../wherry/v1/SchedulerMessage.ts';

export interface NodeServiceClient extends grpc.Client {
  SendLog(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_wherry_v1_LogReceipt__Output>): grpc.ClientWritableStream<_wherry_v1_LogChunk>;
  SendLog(metadata: grpc.Metadata, callback: grpc.requestCallback<_wherry_v1_LogReceipt__Output>): grpc.ClientWritableStream<_wherry_v1_LogChunk>;
  SendLog(options: grpc.CallOptions, callback: grpc.requestCallback<_wherry_v1_LogReceipt__Output>): grpc.ClientWritableStream<_wherry_v1_LogChunk>;
  SendLog(callback: grpc.requestCallback<_wherry_v1_LogReceipt__Output>): grpc.ClientWritableStream<_wherry_v1_LogChunk>;
  sendLog(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_wherry_v1_LogReceipt__Output>): grpc.ClientWritableStream<_wherry_v1_LogChunk>;
  sendLog(metadata: grpc.Metadata, callback: grpc.requestCallback<_wherry_v1_LogReceipt__Output>): grpc.ClientWritableStream<_wherry_v1_LogChunk>;
  sendLog(options: grpc.CallOptions, callback: grpc.requestCallback<_wherry_v1_LogReceipt__Output>): grpc.ClientWritableStream<_wherry_v1_LogChunk>;
  sendLog(callback: grpc.requestCallback<_wherry_v1_LogReceipt__Output>): grpc.ClientWritableStream<_wherry_v1_LogChunk>;
  
  Session(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_wherry_v1_NodeMessage, _wherry_v1_SchedulerMessage__Output>;
  Session(options?: grpc.CallOptions): grpc.ClientDuplexStream<_wherry_v1_NodeMessage, _wherry_v1_SchedulerMessage__Output>;
  session(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_wherry_v1_NodeMessage, _wherry_v1_SchedulerMessage__Output>;
  session(options?: grpc.CallOptions): grpc.ClientDuplexStream<_wherry_v1_NodeMessage, _wherry_v1_SchedulerMessage__Output>;
  
}

export interface NodeServiceHandlers extends grpc.UntypedServiceImplementation {
  SendLog: grpc.handleClientStreamingCall<_wherry_v1_LogChunk__Output, _wherry_v1_LogReceipt>;
  
  Session: grpc.handleBidiStreamingCall<_wherry_v1_NodeMessage__Output, _wherry_v1_SchedulerMessage>;
  
}

export interface NodeServiceDefinition extends grpc.ServiceDefinition {
  SendLog: MethodDefinition<_wherry_v1_LogChunk, _wherry_v1_LogReceipt, _wherry_v1_LogChunk__Output, _wherry_v1_LogReceipt__Output>
  Session: MethodDefinition<_wherry_v1_NodeMessage, _wherry_v1_SchedulerMessage, _wherry_v1_NodeMessage__Output, _wherry_v1_SchedulerMessage__Output>
}
