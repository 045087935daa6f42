// Original file: proto/wherry/v1/node.proto


export interface FileContent {
  'path'?: (string);
  'data'?: (Buffer | Uint8Array | string);
}

export interface FileContent__Output {
  'path': (string);
  'data': (Buffer);
}
