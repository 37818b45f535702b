/** Random bytes of the global `crypto`: node:crypto takes Bun 4 ms to load and 3 MiB. */
export const randomBytes = (length: number): Buffer => Buffer.from(crypto.getRandomValues(new Uint8Array(length)));
