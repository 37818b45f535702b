/** An object as the Worker sees it: typed calls, and sockets that the object can keep while it sleeps. */

/** Any function of one argument. */
export type Method = (args: never) => unknown;

export const NORMAL_CLOSURE = 1000;
/** Code of a socket that the Worker ends though its client has not gone: to the object it is lost. */
export const LOST_CLOSURE = 4000;

export interface SocketEvents {
  message(message: unknown): void;
  /** `code` 1000: the object ended it on purpose */
  closed(code: number): void;
}

export interface ClientSocket {
  /** @param isClean its client has gone (default); else the object hears that it was lost */
  close(isClean?: boolean): void;
}

export interface ObjectClient<Methods extends { [K in keyof Methods]: Method }> {
  /** Asks again after passing faults, so the method must bear repetition. @throws Problem */
  call<K extends keyof Methods & string>(method: K, args: Parameters<Methods[K]>[0]): Promise<ReturnType<Methods[K]>>;
  /** Opens a socket to the object and says `first` on it. */
  open(first: unknown, events: SocketEvents): Promise<ClientSocket>;
  /** The response that makes the other end of a socket the client's own: the object hears `only` and nothing else. */
  handOver(only: unknown): Promise<Response>;
}
