/** CRC-32 in the executable: Bun's own, because its node:zlib takes 5 ms to load and 5 MiB. */
declare const Bun: { hash: { crc32(data: string | Uint8Array, seed?: number): number } };

/** @param before the CRC-32 of what comes before `data` */
export const crc32 = (data: string | Uint8Array, before = 0): number => Bun.hash.crc32(data, before);
