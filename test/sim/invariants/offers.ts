/** What is held for frameworks is where it could be used: as soon as a node is noted as silent nothing of it is offered. */
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";

/** In the session that its node is in: of an earlier one may be waited for what ran in it. */
const SILENT = `
  SELECT o.id, o.node FROM offer o JOIN node n ON n.name = o.node
    JOIN silence s ON s.node = n.name AND s.session = n.session WHERE s.is_silent = 1`;

export function checkOffers({ checks }: World, { name, home }: SimObject): void {
  const rows = home.query(SILENT);
  checks.hold("offers-let-go", rows.length === 0, () => `${name} offers of silent nodes: ${JSON.stringify(rows)}`);
}
