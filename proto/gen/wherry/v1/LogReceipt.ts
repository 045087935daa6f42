// Original file: proto/wherry/v1/node.proto


export interface LogReceipt {
}

export interface LogReceipt__Output {
}
