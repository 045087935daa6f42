// Original file: proto/wherry/v1/node.proto


export interface GatewayCertificate {
  'name'?: (string);
  'chainPem'?: (Buffer | Uint8Array | string);
  'keyPem'?: (Buffer | Uint8Array | string);
}

export interface GatewayCertificate__Output {
  'name': (string);
  'chainPem': (Buffer);
  'keyPem': (Buffer);
}
