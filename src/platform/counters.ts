/**
 * What an object has cost since it was built, in the units that are billed: the budgets are tested against these.
 * They live in memory, because keeping them would itself write rows.
 */
export class Counters {
  /** calls and upgrades; a held poll is one, whatever it says on its socket */
  requests = 0;
  /** messages on sockets, billed as a twentieth of a request */
  messages = 0;
  /** alarms that fired */
  alarms = 0;
  turns = 0;
  rowsRead = 0;
  /** rows and index entries written, and alarms set: each is billed as a row */
  rowsWritten = 0;
  /** calls made only to read these figures; not among `requests` */
  metricsRequests = 0;
  readonly #builtAtMs: number;

  constructor(nowMs: number) {
    this.#builtAtMs = nowMs;
  }

  toMetrics(): Record<string, number> {
    return {
      requests: this.requests,
      messages: this.messages,
      alarms: this.alarms,
      turns: this.turns,
      rows_read: this.rowsRead,
      rows_written: this.rowsWritten,
      metrics_requests: this.metricsRequests,
      built_at_seconds: Math.floor(this.#builtAtMs / 1000),
    };
  }
}
