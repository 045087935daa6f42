/** Every time and count that the hollow nodes hold to, with its reason. */

/** More than this in one process of the scheduler is no cluster of ours; the names have room for more. */
export const nodesMax = 100_000;

/** Node processes of hollow nodes: more than a machine has cores is of no use. */
export const workersMax = 64;

/**
 * Sessions that are being opened at a time in one process. A handshake costs both sides some milliseconds, and a
 * scheduler that is asked for thousands at once answers none in time.
 */
export const dialsAtOnceMax = 32;

/** How long a node may take for its first session before the next one is begun without it: it goes on trying by itself. */
export const firstSessionMsMax = 20_000;

/** What is still to be told when the nodes go may take this long. */
export const farewellMsMax = 5_000;

/** After that, processes that have not ended are ended. */
export const workerEndMsMax = 10_000;
