/** CRC-32 as in zlib, continued from the sum of what came before, so that a stream is summed as it arrives. */

const POLYNOMIAL = 0xedb88320;
/** Four tables: four bytes a step. */
const TABLES = makeTables();

function makeTables(): Uint32Array[] {
  const first = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ POLYNOMIAL : sum >>> 1;
    first[byte] = sum;
  }
  const tables = [first];
  for (let n = 1; n < 4; n++)
    tables.push((tables[n - 1] ?? first).map((sum) => (first[sum & 0xff] ?? 0) ^ (sum >>> 8)));
  return tables;
}

export function crc32(bytes: Uint8Array, before = 0): number {
  const [t0, t1, t2, t3] = TABLES as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  let sum = ~before;
  let i = 0;
  for (; i + 4 <= bytes.length; i += 4) {
    sum ^= at(bytes, i) | (at(bytes, i + 1) << 8) | (at(bytes, i + 2) << 16) | (at(bytes, i + 3) << 24);
    sum = at(t3, sum & 0xff) ^ at(t2, (sum >>> 8) & 0xff) ^ at(t1, (sum >>> 16) & 0xff) ^ at(t0, sum >>> 24);
  }
  for (; i < bytes.length; i++) sum = at(t0, (sum ^ at(bytes, i)) & 0xff) ^ (sum >>> 8);
  return ~sum >>> 0;
}

/** The index is always inside; the compiler can't know. */
const at = (array: Uint8Array | Uint32Array, index: number): number => array[index] ?? 0;
