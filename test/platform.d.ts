/** What the Worker's platform has beyond the standard, as far as sources use it that tests import. */
interface Response {
  readonly webSocket?: WebSocket | null;
}
interface WebSocket {
  accept(): void;
}
