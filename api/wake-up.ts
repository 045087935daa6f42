/** On instances that a node has started by itself because requests waited and it had no session: their workload was woken up. */
export const localWakeAnnotation = "wherry.dev/woken-by-request";
