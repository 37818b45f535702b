/** An object that takes what it is told for something else: so a rule of the level protocol is switched off. */
import type { ObjectRef, Outcome, SocketId, Turns } from "../../../src/platform/seam.ts";
import type { Grant, GrantMessage, Report, ReportAnswer } from "../../../src/protocol/levels.ts";

export interface Hearing {
  grant(grant: Grant): Grant;
  report(report: Report): Report;
}
export const HEARING: Hearing = { grant: (grant) => grant, report: (report) => report };

/** @returns the object itself if it hears well */
export const hearing = (object: Turns, how: Hearing): Turns => (how === HEARING ? object : new Mishearing(object, how));

class Mishearing implements Turns {
  readonly #object: Turns;
  readonly #how: Hearing;

  constructor(object: Turns, how: Hearing) {
    this.#object = object;
    this.#how = how;
  }

  call(method: string, args: unknown): unknown {
    if (method === "report") return this.#object.call(method, this.#how.report(args as Report));
    if (method === "grant") return this.#object.call(method, this.#heard(args as GrantMessage));
    return this.#object.call(method, args);
  }
  result(to: ObjectRef, method: string, args: unknown, outcome: Outcome): void {
    const isAnswer = method === "report" && outcome.ok;
    const heard = isAnswer ? { ...outcome, value: this.#heard(outcome.value as ReportAnswer) } : outcome;
    this.#object.result(to, method, args, heard);
  }
  alarm(): void {
    this.#object.alarm();
  }
  message(socket: SocketId, message: unknown): void {
    this.#object.message(socket, message);
  }
  closed(socket: SocketId, isClean: boolean): void {
    this.#object.closed(socket, isClean);
  }

  #heard<M extends { grants: Grant[] }>(message: M): M {
    return { ...message, grants: message.grants.map((grant) => this.#how.grant(grant)) };
  }
}
