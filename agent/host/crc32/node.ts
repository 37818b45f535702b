/** CRC-32 everywhere but in the executable. */
export { crc32 } from "node:zlib";
