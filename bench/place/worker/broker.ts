/** A Broker that only hears reports: what it has to say was said in one grant. */
import { Pace } from "../../../src/broker/heard.ts";
import { Problem } from "../../../src/model/problems.ts";
import type { Platform, Turns } from "../../../src/platform/seam.ts";
import type { Report, ReportAnswer } from "../../../src/protocol/levels.ts";

export const BROKER_INCARNATION = 1;

export interface BenchBrokerMethods {
  report(report: Report): ReportAnswer;
  heard(args: Record<never, never>): { incarnation: number; reports: number };
}

export class BenchBroker implements Turns {
  readonly #platform: Platform;
  readonly #pace = new Pace();
  #incarnation = 0;
  #reports = 0;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  call(method: string, args: unknown): unknown {
    if (method === "report") return this.#report(args as Report);
    if (method === "heard") return { incarnation: this.#incarnation, reports: this.#reports };
    throw new Problem("not-found", `the bench's Broker has no method ${method}`);
  }

  #report({ cluster, incarnation, rev }: Report): ReportAnswer {
    this.#incarnation = incarnation;
    this.#reports += 1;
    return {
      nextReportMs: this.#pace.nextReportMs(cluster, this.#platform.now()),
      rev,
      clusterIncarnation: incarnation,
      ended: [],
      incarnation: BROKER_INCARNATION,
      grants: [],
    };
  }

  result(): void {}
  alarm(): void {}
  message(): void {}
  closed(): void {}
}
