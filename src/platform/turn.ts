/** What one turn wants done outside of its object: collected while it runs, performed only after its commit. */
import type { ObjectRef, SocketId } from "./seam.ts";

export type Effect =
  | { type: "call"; to: ObjectRef; method: string; args: unknown }
  | { type: "send"; socket: SocketId; text: string }
  | { type: "close"; socket: SocketId }
  | { type: "attach"; socket: SocketId; data: unknown };

export class Turn {
  /** stands still while the turn runs */
  readonly nowMs: number;
  readonly effects: Effect[] = [];
  /** undefined: the turn did not say */
  alarmAtMs: number | null | undefined;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  /** Open sockets as this turn leaves them. */
  overlay(sockets: Map<SocketId, unknown>): { id: SocketId; data: unknown }[] {
    const open = new Map(sockets);
    for (const effect of this.effects) {
      if (effect.type === "close") open.delete(effect.socket);
      if (effect.type === "attach" && open.has(effect.socket)) open.set(effect.socket, effect.data);
    }
    return [...open].map(([id, data]) => ({ id, data }));
  }
}
