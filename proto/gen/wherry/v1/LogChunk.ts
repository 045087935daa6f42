// Original file: proto/wherry/v1/node.proto


export interface LogChunk {
  'streamId'?: (string);
  'data'?: (Buffer | Uint8Array | string);
  'error'?: (string);
}

export interface LogChunk__Output {
  'streamId': (string);
  'data': (Buffer);
  'error': (string);
}
