/**
 * A TCP proxy on loopback that lets through what it is not told to harm. It knows where requests and replies begin and
 * end, so that a fault can fall between them; what a fault harms is decided anew for each request.
 */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Connection } from "./connection.ts";
import { type Decide, type Fault, PASS, type Seen } from "./faults.ts";

/** Replies that are kept for `replay`, per method and path. */
const KEPT_REPLIES = 20;

export class FaultProxy {
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  /** by method and path, oldest first */
  readonly #kept = new Map<string, Buffer[]>();
  readonly #counts = new Map<Fault["kind"], number>();
  #decide: Decide = () => PASS;
  #blackHole = false;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((client) => this.#accept(client));
  }

  /** @param targetPort on loopback; it need not be open yet */
  static async start(targetPort: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** How many requests have met each kind of fault. */
  get counts(): ReadonlyMap<Fault["kind"], number> {
    return this.#counts;
  }

  /** From now on, also on connections that are open; what is under way is not changed. */
  decide(decide: Decide): void {
    this.#decide = decide;
  }

  /** No byte passes any more, in either direction, and nobody is told. */
  blackHole(): void {
    this.#blackHole = true;
  }

  /** Bytes pass again; connections that lived through a black hole are dead. */
  heal(): void {
    if (!this.#blackHole) return;
    this.#blackHole = false;
    for (const connection of this.#connections) connection.reset();
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.reset();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    const connection = new Connection(client, this.#targetPort, {
      passes: () => !this.#blackHole,
      faultFor: (request) => this.#faultFor(request),
      keep: (request, reply) => this.#keep(request, reply),
      keptFor: (request) => this.#kept.get(keyOf(request))?.[0] ?? null,
    });
    this.#connections.add(connection);
    void connection.run().finally(() => this.#connections.delete(connection));
  }

  #faultFor(request: Seen): Fault {
    const fault = this.#decide(request);
    this.#counts.set(fault.kind, (this.#counts.get(fault.kind) ?? 0) + 1);
    return fault;
  }

  #keep(request: Seen, reply: Buffer): void {
    const replies = this.#kept.get(keyOf(request)) ?? [];
    this.#kept.set(keyOf(request), [...replies, reply].slice(-KEPT_REPLIES));
  }
}

const keyOf = ({ method, path }: Seen): string => `${method} ${path.split("?")[0]}`;
