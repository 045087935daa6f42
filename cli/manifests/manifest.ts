/** One object as the user declared it: nothing defaulted, nothing checked but what a request needs. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** Where a manifest comes from, for messages. */
export interface ManifestSource {
  /** The file as the user named it, or `STDIN`. */
  readonly file: string;
  /** From 1, in files with several documents. */
  readonly document: number;
}

export type ReadManifest =
  | { readonly kind: "manifest"; readonly manifest: Manifest; readonly source: ManifestSource }
  /** The message names the file and the place in it. */
  | { readonly kind: "invalid"; readonly message: string };
