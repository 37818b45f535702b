/** `hansa events`: what happened in the league, and with -f what happens. */
import type { Command } from "commander";
import type { EventView } from "../../src/model/views.ts";
import { findJobId } from "../api/find.ts";
import { followEvents, storedEvents } from "../api/streams.ts";
import { type AccessOptions, type App, does, sessionOf, withAccess } from "../app.ts";
import { EXIT } from "../exit.ts";
import { interrupts } from "../job/interrupts.ts";
import { printRecord } from "../session.ts";

interface EventsOptions extends AccessOptions {
  follow?: boolean;
  since?: string;
  job?: string;
}

export function addEvents(program: Command, app: App): void {
  const command = program
    .command("events")
    .description("print what happened in the league, oldest first")
    .option("-f, --follow", "go on with what happens")
    .option("--since <cursor>", "only what came after this cursor (field cursor with --json)")
    .option("--job <job>", "only of this job");
  does(app, withAccess(command), async (options: EventsOptions) => {
    const { client, terminal, json } = sessionOf(app, options);
    const presses = interrupts();
    const request = {
      ...(options.since !== undefined && { since: options.since }),
      ...(options.job !== undefined && { job: await findJobId(client, options.job) }),
    };
    const events = options.follow
      ? followEvents(client, { ...request, signal: presses.first })
      : storedEvents(client, request);
    try {
      for await (const event of events) {
        if (json) printRecord(terminal, event);
        else terminal.out(eventLine(event));
      }
    } catch (error) {
      if (!presses.first.aborted) throw error;
    } finally {
      presses.release();
    }
    return EXIT.ok;
  });
}

export function eventLine(event: EventView): string {
  const { at, type, job, cluster, node, state, counts, detail } = event;
  const place = node === undefined ? cluster : `${cluster}/${node}`;
  const figures =
    counts &&
    Object.entries(counts)
      .filter(([, n]) => n > 0)
      .map(([what, n]) => `${n} ${what}`)
      .join(", ");
  const parts = [job, place, state, figures, detail].filter((part) => part !== undefined && part !== "");
  return `${new Date(at).toISOString()}  ${type.padEnd(15)}  ${parts.join("  ")}`.trimEnd();
}
