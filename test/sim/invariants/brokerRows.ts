/** Where the indices of jobs are, read from the Broker's rows and not from what it says of them. */
import type { World } from "../world/world.ts";

interface Piece {
  from: number;
  to: number;
}
interface Supplied extends Piece {
  handout: number;
}
type Ends = Record<"done" | "failed" | "cancelled", (readonly [from: number, to: number])[]>;
const ENDS = ["done", "failed", "cancelled"] as const;

const parse = <T>(text: unknown): T => JSON.parse(String(text)) as T;

/** What the Broker counts on a cluster to run. */
export function supplyOf(world: World, job: string, cluster: string): Supplied[] {
  const rows = world.broker.home.query('SELECT supply FROM "grant" WHERE job = ? AND cluster = ?', job, cluster);
  return rows.flatMap((row) => parse<Supplied[]>(row.supply));
}

/** What is over of a job, as its rows tell. */
export function endsOf({ broker: { home } }: World, job: string): (index: number) => boolean {
  const ends = [
    ...home.query("SELECT banked FROM job WHERE id = ?", job).map(({ banked }) => parse<Ends>(banked)),
    ...home
      .query('SELECT reported FROM "grant" WHERE job = ?', job)
      .map(({ reported }) => parse<Ends | null>(reported)),
  ];
  const ranges = ends.flatMap((over) => (over === null ? [] : ENDS.flatMap((end) => over[end])));
  return (index) => ranges.some(([from, to]) => from <= index && index < to);
}

/** Each index of each job is in the queue, in one cluster's supply, or over: nowhere twice, nowhere missing. */
export function checkIndices(world: World): void {
  const { home } = world.broker;
  for (const row of home.query("SELECT id, count, queue, banked FROM job")) {
    const where = Array.from({ length: Number(row.count) }, (): string[] => []);
    const note = (from: number, to: number, place: string) => {
      for (let index = from; index < to; index++) where[index]?.push(place);
    };
    const noteEnds = (over: Ends | null, place: string) => {
      for (const end of ENDS) for (const [from, to] of over?.[end] ?? []) note(from, to, `${end} ${place}`);
    };
    for (const { from, to } of parse<Piece[]>(row.queue)) note(from, to, "queue");
    noteEnds(parse<Ends>(row.banked), "for good");
    for (const grant of home.query('SELECT cluster, supply, reported FROM "grant" WHERE job = ?', row.id ?? null)) {
      for (const { from, to } of parse<Piece[]>(grant.supply)) note(from, to, `supply of ${grant.cluster}`);
      noteEnds(parse<Ends | null>(grant.reported), `in ${grant.cluster}`);
    }
    world.checks.hold(
      "indices-conserved",
      where.every((places) => places.length === 1),
      () =>
        `job ${row.id}: ${where.map((places, index) => `${index} in ${places.join(" and ") || "nothing"}`).join("; ")}`,
    );
  }
}
