/** `hansa events`: what happened in the league, and with -f what happens. */
import type { Command } from "commander";
import { formatResources } from "../../src/model/resources.ts";
import type { EventView, RoundView } from "../../src/model/views.ts";
import { findJobId } from "../api/find.ts";
import { followEvents, storedEvents } from "../api/streams.ts";
import { type AccessOptions, type App, does, sessionOf, withAccess } from "../app.ts";
import { EXIT } from "../exit.ts";
import { interrupts } from "../job/interrupts.ts";
import { printRecord } from "../session.ts";
import { plural, seconds } from "../show/figures.ts";

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
  const { at, type, job, cluster, node, state, counts, detail, round } = event;
  const place = node === undefined ? cluster : `${cluster}/${node}`;
  const figures =
    counts &&
    Object.entries(counts)
      .filter(([, n]) => n > 0)
      .map(([what, n]) => `${n} ${what}`)
      .join(", ");
  const parts = [job, place, state, figures, detail, round && roundLine(round)].filter(
    (part) => part !== undefined && part !== "",
  );
  return `${new Date(at).toISOString()}  ${type.padEnd(15)}  ${parts.join("  ")}`.trimEnd();
}

const part = (of: number): string => `${(100 * of).toFixed(1)} %`;

/** `sifting for utilisation  gap 0.35 %  11 jobs, 2 partitions  R 2 cpus  T 147.5 s  U 76.8 % cpus` */
function roundLine({ method, objective, gapPct, jobs, partitions, resources, taskMs, utilisation }: RoundView): string {
  const used = Object.entries(utilisation).filter(([, of]) => of > 0);
  return [
    `${method} for ${objective}`,
    `gap ${gapPct.toFixed(2)} %`,
    `${plural(jobs, "job")}, ${plural(partitions, "partition")}`,
    `R ${formatResources(resources)}`,
    `T ${seconds(taskMs)}`,
    `U ${used.map(([name, of]) => `${part(of)} ${name}`).join(", ") || "nothing"}`,
  ].join("  ");
}
