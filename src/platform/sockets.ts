/**
 * An object's hibernating sockets. The platform keeps them while the object sleeps and gives them back without their
 * ids, so id and data travel in the attachment.
 */
import { NORMAL_CLOSURE } from "./objectClient.ts";
import type { SocketId } from "./seam.ts";

const MAX_ATTACHMENT_BYTES = 2048;

interface Attachment {
  id: SocketId;
  data: unknown;
  /** its other end is not trusted: what it says is not heard */
  deaf?: true;
}

export class HibernatingSockets {
  readonly #ctx: DurableObjectState;
  readonly #sockets = new Map<SocketId, WebSocket>();

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    for (const socket of ctx.getWebSockets()) {
      const attachment = attachmentOf(socket);
      if (attachment) this.#sockets.set(attachment.id, socket);
    }
  }

  accept(deaf: boolean): { id: SocketId; client: WebSocket } {
    const { 0: client, 1: server } = new WebSocketPair();
    const id = crypto.randomUUID();
    this.#ctx.acceptWebSocket(server);
    server.serializeAttachment({ id, data: null, ...(deaf && { deaf }) } satisfies Attachment);
    this.#sockets.set(id, server);
    return { id, client };
  }

  isDeaf(socket: WebSocket): boolean {
    return attachmentOf(socket)?.deaf === true;
  }

  /** @returns null for a socket that the object closed itself */
  idOf(socket: WebSocket): SocketId | null {
    const id = attachmentOf(socket)?.id;
    return id !== undefined && this.#sockets.has(id) ? id : null;
  }

  list(): Map<SocketId, unknown> {
    return new Map([...this.#sockets].map(([id, socket]) => [id, attachmentOf(socket)?.data ?? null]));
  }

  send(id: SocketId, text: string): void {
    try {
      this.#sockets.get(id)?.send(text);
    } catch {
      // It is closing; the platform tells with a close event.
    }
  }

  attach(id: SocketId, data: unknown): void {
    const socket = this.#sockets.get(id);
    socket?.serializeAttachment({ ...attachmentOf(socket), id, data } satisfies Attachment);
  }

  close(id: SocketId, code = NORMAL_CLOSURE, reason = ""): void {
    const socket = this.#sockets.get(id);
    this.#sockets.delete(id);
    try {
      socket?.close(code, reason);
    } catch {
      // closed already
    }
  }

  forget(id: SocketId): void {
    this.#sockets.delete(id);
  }
}

/** @throws RangeError before the turn commits, where the simulator throws too */
export function checkAttachment(data: unknown): void {
  if (JSON.stringify(data).length > MAX_ATTACHMENT_BYTES) throw new RangeError("attachment over 2 KB");
}

const attachmentOf = (socket: WebSocket): Attachment | null => socket.deserializeAttachment();
