/** What is held for frameworks is where it could be used: as soon as a node is noted as silent nothing of it is offered. */
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";

export function checkOffers({ checks }: World, { name, home }: SimObject): void {
  const rows = home.query("SELECT o.id, o.node FROM offer o JOIN silence s ON s.node = o.node WHERE s.is_silent = 1");
  checks.hold("offers-let-go", rows.length === 0, () => `${name} offers of silent nodes: ${JSON.stringify(rows)}`);
}
