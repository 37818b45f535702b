/**
 * The league's own jobs, which no framework runs: told of as one framework named `hansa`, so that what agents have
 * allocated adds up. It has no tasks here (`hansa ps` has them), nor is it offered anything; who sees only a role of the
 * league does not see it.
 */
import { add, type Resources } from "../../model/resources.ts";
import type { FrameworkRowView, NodeView } from "../../model/views.ts";
import { restOf } from "./amounts.ts";
import { type Look, type SeenFramework, seesAll } from "./look.ts";

const NAME = "hansa";

const sumOf = (amounts: Iterable<Resources>): Resources => {
  let sum: Resources = {};
  for (const one of amounts) sum = add(sum, one);
  return sum;
};

export const usedBy = ({ clusters }: FrameworkRowView): Resources =>
  sumOf(Object.values(clusters).map(({ used }) => used));
export const offeredTo = ({ clusters }: FrameworkRowView): Resources =>
  sumOf(Object.values(clusters).map(({ offered }) => offered));
export const usedOn = (nodes: readonly NodeView[]): Resources => sumOf(nodes.map(({ used }) => used));

/** What is used, and not by a framework. */
export async function nativeOf(look: Look): Promise<SeenFramework[]> {
  if (!seesAll(look.viewer)) return [];
  const [nodes, rows] = await Promise.all([look.nodes(), look.rows()]);
  const used = restOf(usedOn(nodes), sumOf(rows.map(usedBy)));
  const row: FrameworkRowView = {
    id: NAME,
    name: NAME,
    user: NAME,
    principal: null,
    state: "active",
    roles: [],
    clusters: { "": { used, offered: {} } },
  };
  return [{ row, view: null }];
}
