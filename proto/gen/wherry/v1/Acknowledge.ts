// Original file: proto/wherry/v1/node.proto


export interface Acknowledge {
  'uids'?: (string)[];
}

export interface Acknowledge__Output {
  'uids': (string)[];
}
