// Original file: proto/wherry/v1/node.proto


export interface HeartbeatAnswer {
}

export interface HeartbeatAnswer__Output {
}
