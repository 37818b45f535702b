/** One connection through the proxy: reads requests, lets each meet its fault, and hands replies on as they come. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Bytes } from "./bytes.ts";
import { type Fault, pageReply, type Seen } from "./faults.ts";
import { type Head, MessageReader } from "./http1.ts";

interface Request extends Seen {
  bytes: Buffer;
}

/** What a connection asks of its proxy. */
export interface Link {
  passes(): boolean;
  faultFor(request: Seen): Fault;
  keep(request: Seen, reply: Buffer): void;
  keptFor(request: Seen): Buffer | null;
}

/** One connection of a client, and the one to the target that belongs to it. */
export class Connection {
  readonly #client: Socket;
  readonly #targetPort: number;
  readonly #link: Link;
  readonly #fromClient: Bytes;
  readonly #others = new Set<Socket>();
  #target: { socket: Socket; bytes: Bytes } | null = null;

  constructor(client: Socket, targetPort: number, link: Link) {
    this.#client = client;
    this.#targetPort = targetPort;
    this.#link = link;
    this.#fromClient = new Bytes(client);
    // A target does not hear through a black hole that its client has left.
    client.once("close", () => link.passes() && this.reset());
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#target?.socket.resetAndDestroy();
    for (const socket of this.#others) socket.resetAndDestroy();
  }

  async run(): Promise<void> {
    try {
      for (;;) {
        const request = await this.#readRequest();
        if (request === null || !(await this.#suffer(request, this.#link.faultFor(request)))) break;
      }
      if (this.#link.passes()) this.#end();
    } catch {
      // One side is gone: so is the other.
      if (this.#link.passes()) this.reset();
    }
  }

  #end(): void {
    this.#client.end();
    this.#target?.socket.end();
  }

  async #readRequest(): Promise<Request | null> {
    const pieces: Buffer[] = [];
    const head = await readMessage(this.#fromClient, new MessageReader("request"), (piece) => {
      pieces.push(piece);
    });
    if (head === null) return null;
    const [method = "", path = ""] = head.startLine.split(" ");
    return { method, path, bytes: Buffer.concat(pieces) };
  }

  /** @returns false when the connection is over */
  async #suffer(request: Request, fault: Fault): Promise<boolean> {
    switch (fault.kind) {
      case "pass":
        return this.#pass(request);
      case "delay":
        await sleep(fault.requestMs);
        return this.#pass(request, fault.replyMs);
      case "double":
        void this.#deliverCopy(request, fault.afterMs);
        return this.#pass(request);
      case "cut":
        if (fault.lose === "reply") await this.#deliver(request);
        if (fault.how === "reset") this.reset();
        return false;
      case "swallow":
        if (fault.lose === "reply") await this.#deliver(request);
        await new Promise((resolve) => this.#client.once("close", resolve));
        return false;
      case "page":
        if (fault.lose === "reply") await this.#deliver(request);
        return this.#answer(pageReply(fault.status));
      case "replay": {
        const kept = this.#link.keptFor(request);
        if (kept === null) return this.#pass(request);
        await this.#deliver(request);
        return this.#answer(kept);
      }
    }
  }

  #answer(reply: Buffer): boolean {
    if (this.#link.passes()) this.#client.write(reply);
    return true;
  }

  /** The reply goes to the client as it comes. @returns false when it ended the connection */
  async #pass(request: Request, replyAfterMs = 0): Promise<boolean> {
    const pieces: Buffer[] = [];
    const { head, reader, bytes } = await this.#ask(request, async (piece) => {
      if (replyAfterMs > 0 && pieces.length === 0) await sleep(replyAfterMs);
      pieces.push(piece);
      if (this.#link.passes()) this.#client.write(piece);
    });
    if (head === null || reader.endsWithConnection) return false;
    if (head.startLine.split(" ")[1] === "101") {
      await Promise.race([this.#pump(this.#fromClient, this.#target?.socket), this.#pump(bytes, this.#client)]);
      return false;
    }
    this.#link.keep(request, Buffer.concat(pieces));
    return true;
  }

  /** The whole reply is awaited, so that what the request does is done, and dropped. */
  async #deliver(request: Request): Promise<void> {
    await this.#ask(request, () => {});
  }

  async #ask(request: Request, piece: (bytes: Buffer) => void | Promise<void>) {
    const { socket, bytes } = this.#toTarget();
    const reader = new MessageReader("reply", request.method === "HEAD");
    if (this.#link.passes()) socket.write(request.bytes);
    const head = await readMessage(bytes, reader, piece);
    return { head, reader, bytes };
  }

  #toTarget(): { socket: Socket; bytes: Bytes } {
    if (this.#target && !this.#target.socket.destroyed) return this.#target;
    const socket = connect(this.#targetPort, "127.0.0.1");
    this.#target = { socket, bytes: new Bytes(socket) };
    return this.#target;
  }

  async #deliverCopy(request: Request, afterMs: number): Promise<void> {
    await sleep(afterMs);
    if (!this.#link.passes()) return;
    const socket = connect(this.#targetPort, "127.0.0.1");
    this.#others.add(socket);
    try {
      socket.write(request.bytes);
      await readMessage(new Bytes(socket), new MessageReader("reply"), () => {});
    } catch {
      // nobody waits for it
    } finally {
      this.#others.delete(socket);
      socket.destroy();
    }
  }

  async #pump(from: Bytes, to: Socket | undefined): Promise<void> {
    for (let bytes = await from.next(); bytes !== null; bytes = await from.next()) {
      if (this.#link.passes()) to?.write(bytes);
    }
  }
}

/** @returns its head, or null when the sender ended before it was whole */
async function readMessage(
  from: Bytes,
  reader: MessageReader,
  piece: (bytes: Buffer) => void | Promise<void>,
): Promise<Head | null> {
  while (!reader.done) {
    const bytes = await from.next();
    if (bytes === null) return reader.endsWithConnection ? reader.head : null;
    const used = reader.push(bytes);
    if (used < bytes.length) from.giveBack(bytes.subarray(used));
    if (used > 0) await piece(bytes.subarray(0, used));
  }
  return reader.head;
}
