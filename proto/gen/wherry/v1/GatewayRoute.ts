// Original file: proto/wherry/v1/node.proto


export interface GatewayRoute {
  'uid'?: (string);
  'entryJson'?: (Buffer | Uint8Array | string);
}

export interface GatewayRoute__Output {
  'uid': (string);
  'entryJson': (Buffer);
}
