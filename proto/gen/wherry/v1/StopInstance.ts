// Original file: proto/wherry/v1/node.proto


export interface StopInstance {
  'uid'?: (string);
  'graceMs'?: (number);
}

export interface StopInstance__Output {
  'uid': (string);
  'graceMs': (number);
}
