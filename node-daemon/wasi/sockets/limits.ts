/** Every bound of an instance's network and why it is what it is. */
export const socketLimits = {
  /**
   * Sockets of any kind of one instance, those included that still send after they were closed. With full buffers in both
   * directions they take some 24 MB. Beyond it `new-socket-limit`.
   */
  socketsMax: 128,
  /** Read ahead of the guest, per connection; what one read of the kernel brings (64 KiB) may come on top. */
  receiveBufferBytes: 65_536,
  /**
   * Accepted from the guest and not yet by the kernel, per connection; beyond it writers wait. The write that fills it is
   * accepted whole, up to as much again.
   */
  sendBufferBytes: 65_536,
  /** Connections taken from the kernel that the guest has not accepted; they are not read. The next wait in the kernel. */
  acceptQueueMax: 8,
  /** A component's stream of connections tries again after this long when no socket can be had. */
  acceptRetryMs: 100,
  /** Connections that wait in the kernel. Beyond it the kernel drops what arrives, and the peer tries again. */
  listenBacklogMax: 128,
  /** A closed connection may send what it accepted for this long, to a peer that takes it; then it is reset. */
  lingerMs: 30_000,
  /** Datagrams received ahead of the guest, per socket; beyond either bound the newest is dropped, as Linux does. */
  datagramsMax: 64,
  datagramBytesMax: 262_144,
  /** Datagrams handed to the kernel that it has not taken; beyond it senders wait. */
  datagramsSendingMax: 64,
  /** Largest payloads: 65,535 less the headers of UDP and, for IPv4, of IP. */
  datagramPayloadMax: { ipv4: 65_507, ipv6: 65_527 },
  /** Senders that a UDP socket on a granted address may answer; beyond it the one that was silent longest is forgotten. */
  datagramPeersMax: 1024,
  /** Names being resolved at once, per instance; beyond it `temporary-resolver-failure`. */
  resolutionsMax: 8,
  /** Of one query to one server; each is asked twice. */
  resolveTimeoutMs: 2_500,
  /** DNS's own bound on a name. */
  nameCharsMax: 253,
  /** Characters of a name before it is turned into ASCII: no longer one becomes a name. */
  nameTextMax: 1024,
  /** Addresses that one name may bring. */
  addressesPerNameMax: 64,
  /** What a name was resolved to is granted for this long, and again by resolving it again. */
  resolvedKeptMs: 600_000,
  /** Granted addresses of names, per instance; beyond it the oldest is forgotten. */
  resolvedKeptMax: 1024,
  /** How long the addresses of this machine's interfaces are believed. */
  ownAddressesKeptMs: 10_000,
  /** Of /etc/hosts and /etc/resolv.conf that is read. */
  resolverFileBytesMax: 1024 * 1024,
  /** As in glibc. */
  searchDomainsMax: 6,
} as const;
