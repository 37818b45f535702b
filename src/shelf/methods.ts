/** What may be asked of a Shelf: it holds the output bytes of tasks, never anything else. */

export type Stream = "stdout" | "stderr";
export interface StreamKey {
  task: string;
  epoch: number;
  stream: Stream;
}

export interface ShelfMethods {
  /**
   * Appends iff `offset` is the present size; a wrong one → Problem `offset-mismatch` with `data.offset`. A stream is
   * its first writer's (`CLUSTER/NODE`): nobody else's agent can add to it.
   */
  put(
    args: StreamKey & {
      offset: number;
      bytes: Uint8Array;
      end: { size: number; crc32: number } | null;
      writer: string;
    },
  ): {
    offset: number;
    followed: boolean;
  };
  /** At most 1 MiB from `offset`. `ended`: nothing comes after `size`; `verified`: its crc32 was right. */
  read(args: StreamKey & { offset: number; limit: number }): {
    bytes: Uint8Array;
    offset: number;
    size: number;
    ended: boolean;
    verified: boolean;
  };
  metrics(args: Record<never, never>): Record<string, number>;
}

/** First message on a Shelf's socket; it answers `{ size, ended }` now and whenever more arrives. */
export interface FollowStream {
  follow: StreamKey;
}
