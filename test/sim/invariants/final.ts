/** The end of a story: everything is over, nothing runs on, and everything acknowledged is still there. */
import { isTerminal } from "../../../src/model/states.ts";
import type { JobView } from "../../../src/model/views.ts";
import type { World } from "../world/world.ts";

/** What moves before it stops may come to its end in both places. */
const mostEnds = (world: World, task: string): number => (world.isAtMostOne(task) ? 1 : 2);

/** After the faults and the last job. */
export function checkEnd(world: World): void {
  const { checks, watch } = world;
  world.scans.scan();
  world.ledger.end();
  world.drills.look();
  for (const cluster of world.clusters) {
    const { places_held = 0 } = cluster.ask("metrics", {}) as Record<string, number>;
    checks.hold("gangs-whole", places_held === 0, () => `${cluster.name} keeps ${places_held} places for nobody`);
  }
  for (const scheduler of world.schedulers) scheduler.checkEnd();
  world.outputs.checkEnd();
  const submitted = world.people.map(({ plan }) => plan.id);
  for (const { id } of world.broker.home.query("SELECT id FROM job"))
    checks.hold("submitted-once", submitted.includes(String(id)), () => `nobody has submitted job ${id}`);
  for (const person of world.people) {
    const { id, count } = person.plan;
    const view = world.broker.ask("job", { id }) as JobView;
    person.look(view);
    const seen = new Map<number, string>();
    for (const cluster of world.clusters) {
      for (const task of watch.checkTasks(cluster, id)) if (isTerminal(task.state)) seen.set(task.index, task.state);
    }
    for (let index = 0; index < count; index++) {
      const task = `${id}.${index}`;
      const story = watch.stories.get(task);
      checks.hold("all-end", !story || story.alive.size === 0 || !world.isAtMostOne(task), () => {
        const alive = [...(story?.alive ?? [])].map((process) => `${process.key} on ${process.machine}`);
        return `${id} is over and ${alive.join(", ")} lives on`;
      });
      if (world.mood.gentle && seen.get(index) === "succeeded") {
        checks.hold(
          "exactly-once",
          story !== undefined && story.completions.size > 0 && story.undisturbed.size <= mostEnds(world, task),
          () => `${task} ran to its end ${story?.undisturbed.size} times`,
        );
      }
    }
  }
}
