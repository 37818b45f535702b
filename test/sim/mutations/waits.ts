/** The rules of what is held open for somebody: polls that wait for work, and people who wait for an end. */
import type { Mutation } from "./mutations.ts";

export const WAITS: readonly Mutation[] = [
  {
    rule: "a drill cuts off",
    so: "polls that would be held are heard while their cluster is drilled",
    patches: [
      {
        file: "src/cluster/cluster.ts",
        find: 'if (isCut(this.#memory, now)) this.#answers.refuse(socket, "poll" in said);',
        replace: 'if (!("poll" in said) && isCut(this.#memory, now)) this.#answers.refuse(socket, false);',
      },
    ],
  },
  {
    rule: "a newer poll ends the older hold",
    so: "a poll that was overtaken is held on until its time is over",
    patches: [
      {
        file: "src/cluster/answers.ts",
        find: "    if (socket !== null) this.#send(socket, { final: true, reply: null });",
        replace: "",
      },
    ],
  },
  {
    rule: "an end is told to who waits",
    so: "who waits for the end of a job does so until the time is over",
    patches: [
      {
        file: "src/api/jobWait.ts",
        find: 'if (arrival.is !== "message" || saysEnd(arrival.message)) return false;',
        replace: 'if (arrival.is !== "message") return false;',
      },
    ],
  },
  {
    rule: "a wake is only a hint",
    so: "an agent rests for a quarter of an hour also when nobody can call it any more",
    patches: [
      {
        file: "agent/core/step.ts",
        find: "event.open ? next : pollBy(next, nowMs + Math.floor(random * SOCKET_LOST_MS))",
        replace: "next",
      },
    ],
  },
];
