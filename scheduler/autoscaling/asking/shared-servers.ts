/** What is held of servers, by how they are spoken to; as long as something is asked of them. */
export class SharedServers<S> implements Disposable {
  readonly #drop: (server: S) => void;
  readonly #shared = new Map<string, { readonly server: S; users: number }>();

  constructor(drop: (server: S) => void) {
    this.#drop = drop;
  }

  open(key: string, make: () => S): { readonly server: S; close(): void } {
    const shared = this.#shared.get(key) ?? { server: make(), users: 0 };
    this.#shared.set(key, shared);
    shared.users++;
    let isOpen = true;
    return {
      server: shared.server,
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        if (--shared.users > 0) return;
        this.#shared.delete(key);
        this.#drop(shared.server);
      },
    };
  }

  [Symbol.dispose](): void {
    for (const { server } of this.#shared.values()) this.#drop(server);
    this.#shared.clear();
  }
}
