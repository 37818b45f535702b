/** Roles of the league, and those that only frameworks have. */
import type { Resources } from "../../model/resources.ts";
import { DEFAULT_POLICY } from "../../model/role.ts";
import { id, listed } from "../events/events.ts";
import type { Json } from "../events/offeredResources.ts";
import { listOf, objectOf, quantitiesOf } from "./amounts.ts";
import type { Look } from "./look.ts";

interface SeenRole {
  name: string;
  weight: number;
  guarantee: Resources;
  limit: Resources;
  /** what its jobs and frameworks hold or use, those of roles under it too */
  charged: Resources;
  frameworks: string[];
}

export async function rolesOf(look: Look): Promise<SeenRole[]> {
  const [views, rows] = await Promise.all([look.roles(), look.rows()]);
  const roles = new Map<string, SeenRole>();
  for (const { name, weight, guarantee, limit, charged } of views)
    roles.set(name, { name, weight, guarantee, limit, charged, frameworks: [] });
  for (const { id: framework, roles: held } of rows)
    for (const { role: name } of held) {
      const role = roles.get(name) ?? { name, ...DEFAULT_POLICY, charged: {}, frameworks: [] };
      roles.set(name, role);
      role.frameworks.push(framework);
    }
  return [...roles.values()];
}

export const getRoles = async (look: Look): Promise<Json> => ({
  roles: (await rolesOf(look)).map(({ name, weight, charged, frameworks }) => ({
    name,
    weight,
    ...listed("frameworks", frameworks.map(id)),
    ...listed("resources", listOf(charged)),
  })),
});

/** `/roles` */
export const oldRoles = async (look: Look): Promise<Json> => ({
  roles: (await rolesOf(look)).map(({ name, weight, charged, frameworks, guarantee, limit }) => ({
    name,
    weight,
    resources: objectOf(charged),
    frameworks,
    quota: { role: name, guarantee: values(guarantee), limit: values(limit), consumed: values(charged) },
  })),
});

/** Of what is not named there is neither guarantee nor limit: no zeros. */
function values(amounts: Resources): Json {
  return Object.fromEntries(
    Object.entries(quantitiesOf(amounts)).map(([name, quantity]) => [name, Object(quantity).value]),
  );
}

export const getWeights = async (look: Look): Promise<Json> => ({
  weight_infos: (await rolesOf(look)).map(({ name, weight }) => ({ role: name, weight })),
});

const isEmpty = (amounts: Resources): boolean => Object.keys(amounts).length === 0;

export async function quotaStatus(look: Look): Promise<Json> {
  const bound = (await rolesOf(look)).filter(({ guarantee, limit }) => !isEmpty(guarantee) || !isEmpty(limit));
  return {
    ...listed(
      "infos",
      bound.map(({ name, guarantee }) => ({ role: name, ...listed("guarantee", listOf(guarantee)) })),
    ),
    ...listed(
      "configs",
      bound.map(({ name, guarantee, limit }) => ({
        role: name,
        ...(!isEmpty(guarantee) && { guarantees: quantitiesOf(guarantee) }),
        ...(!isEmpty(limit) && { limits: quantitiesOf(limit) }),
      })),
    ),
  };
}
