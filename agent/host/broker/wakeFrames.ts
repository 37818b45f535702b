/** The frames of a wake socket (RFC 6455): small ones, whole ones, and nothing else. */
import { randomBytes } from "../random.ts";

export type Opcode = keyof typeof OPCODES;
const OPCODES = { text: 0x1, close: 0x8, ping: 0x9, pong: 0xa } as const;

export interface Frame {
  opcode: Opcode;
  payload: Buffer;
}

/** What fits without an extended length. */
const MAX_PAYLOAD_BYTES = 125;
const FIN = 0x80;
const MASKED = 0x80;
const HEADER_BYTES = 2;

/** Takes whole frames from the front of what has arrived. @throws when the broker would never say such a thing */
export function takeFrames(arrived: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = [];
  let rest = arrived;
  for (;;) {
    const [first, length] = rest;
    if (first === undefined || length === undefined) return { frames, rest };
    const opcode = opcodeOf(first);
    if (opcode === null || length > MAX_PAYLOAD_BYTES) throw new Error("a frame that a wake socket does not have");
    if (rest.length < HEADER_BYTES + length) return { frames, rest };
    frames.push({ opcode, payload: rest.subarray(HEADER_BYTES, HEADER_BYTES + length) });
    rest = rest.subarray(HEADER_BYTES + length);
  }
}

function opcodeOf(first: number): Opcode | null {
  for (const name of ["text", "close", "ping", "pong"] as const) if (first === (FIN | OPCODES[name])) return name;
  return null;
}

/** A client's frames are masked. */
export function frameOf(opcode: Opcode, payload: Buffer = Buffer.alloc(0)): Buffer {
  const mask = randomBytes(4);
  const masked = payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return Buffer.concat([Buffer.from([FIN | OPCODES[opcode], MASKED | payload.length]), mask, masked]);
}
