/**
 * What an earlier life of a Cluster had and of which it has no row: it may be running on a node that does not speak.
 * The Broker counts it as live until the silence of the job is over, and for ever if that is kept for ever.
 */
import { type Epoch, handoutOf } from "../../../src/model/ids.ts";
import type { Template } from "../../../src/model/job.ts";
import { normalize, type Range, size, subtract } from "../../../src/model/ranges.ts";
import type { Returned, Supply } from "../../../src/protocol/levels.ts";
import type { SimObject } from "../world/simObject.ts";

export interface Lost {
  job: string;
  template: Template;
  tasks: number;
}

export const lostOf = ({ home }: SimObject): Lost[] =>
  home.query(RECOVERED).map(({ job, template, supply, returned }) => {
    const back = JSON.parse(String(returned)) as Returned[];
    const rows = home
      .query(`SELECT "index", epoch, state FROM task WHERE job = ?`, job as string)
      .map(({ index, epoch, state }) => ({
        index: Number(index),
        epoch: Number(epoch) as Epoch,
        state: String(state),
      }));
    const lost = (JSON.parse(String(supply)) as Supply[]).flatMap(({ from, to, handout, recover }) => {
      if (!recover) return [];
      const given = back.filter((one) => one.handout >= handout).map((one): Range => [one.from, one.to]);
      const known = rows
        .filter(({ epoch, state }) => OVER.has(state) || handoutOf(epoch) >= handout)
        .map(({ index }): Range => [index, index + 1]);
      return subtract([[from, to]], normalize([...given, ...known]));
    });
    return { job: String(job), template: JSON.parse(String(template)) as Template, tasks: size(lost) };
  });

const OVER = new Set(["succeeded", "failed", "cancelled"]);

const RECOVERED = `
  SELECT job, template, supply, returned FROM "grant"
   WHERE ended = 0 AND EXISTS (SELECT 1 FROM json_each(supply) WHERE value ->> '$.recover')`;
