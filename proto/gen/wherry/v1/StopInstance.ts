// Original file: proto/wherry/v1/node.proto


export interface StopInstance {
  'uid'?: (string);
  'hasGrace'?: (boolean);
  'graceMs'?: (number);
  'reason'?: (string);
  'message'?: (string);
}

export interface StopInstance__Output {
  'uid': (string);
  'hasGrace': (boolean);
  'graceMs': (number);
  'reason': (string);
  'message': (string);
}
