/** What a framework says of itself, as `FrameworkInfo`. */
import type { AttributeConstraint, FrameworkInfo, OfferConstraints } from "../../model/framework.ts";
import { id } from "../events/events.ts";
import type { Json } from "../events/offeredResources.ts";
import { labelsJson } from "../events/offeredResources.ts";
import { quantitiesOf } from "./amounts.ts";
import type { SeenFramework } from "./look.ts";

export function frameworkInfoJson({ row, view }: SeenFramework): Json {
  const info = view?.info;
  return {
    user: row.user,
    name: row.name,
    id: id(row.id),
    failover_timeout: (info?.failoverTimeoutMs ?? 0) / 1000,
    checkpoint: info?.checkpoint ?? false,
    ...rolesJson({ row, view }),
    ...(row.principal !== null && { principal: row.principal }),
    ...(info && detailsJson(info)),
  };
}

const detailsJson = (info: FrameworkInfo): Json => ({
  ...(info.hostname !== null && { hostname: info.hostname }),
  ...(info.webuiUrl !== null && { webui_url: info.webuiUrl }),
  ...(info.capabilities.length > 0 && { capabilities: info.capabilities.map((type) => ({ type })) }),
  ...labelsJson(info.labels),
  ...filtersJson(info.minAllocatable),
});

export const hasManyRoles = ({ view }: SeenFramework): boolean =>
  view === null || view.info.capabilities.includes("MULTI_ROLE");

/** `roles` for one that may have many, else `role`. */
export function rolesJson(framework: SeenFramework): Json {
  const names = framework.row.roles.map(({ name }) => name);
  return hasManyRoles(framework) ? { roles: names } : { role: names[0] ?? "*" };
}

function filtersJson(minAllocatable: FrameworkInfo["minAllocatable"]): Json {
  const filters = Object.entries(minAllocatable).map(([role, any]): [string, Json] => [
    role,
    { min_allocatable_resources: { quantities: any.map((amounts) => ({ quantities: quantitiesOf(amounts) })) } },
  ]);
  return filters.length === 0 ? {} : { offer_filters: Object.fromEntries(filters) };
}

export function offerConstraintsJson({ roles }: OfferConstraints): Json {
  const byRole = Object.entries(roles).map(([role, groups]): [string, Json] => [
    role,
    { groups: groups.map((group) => ({ attribute_constraints: group.map(constraintJson) })) },
  ]);
  return byRole.length === 0 ? {} : { offer_constraints: { role_constraints: Object.fromEntries(byRole) } };
}

const constraintJson = ({ selector, predicate }: AttributeConstraint): Json => ({
  selector:
    "attribute" in selector ? { attribute_name: selector.attribute } : { pseudoattribute_type: selector.pseudo },
  predicate: predicateJson(predicate),
});

function predicateJson(predicate: AttributeConstraint["predicate"]): Json {
  switch (predicate.is) {
    case "exists":
      return { exists: {} };
    case "not-exists":
      return { not_exists: {} };
    case "equals":
      return { text_equals: { value: predicate.value } };
    case "not-equals":
      return { text_not_equals: { value: predicate.value } };
    case "matches":
      return { text_matches: { regex: predicate.regex } };
    case "not-matches":
      return { text_not_matches: { regex: predicate.regex } };
  }
}
