// Original file: proto/wherry/v1/node.proto


export interface WakeUp {
  'workloadUids'?: (string)[];
}

export interface WakeUp__Output {
  'workloadUids': (string)[];
}
