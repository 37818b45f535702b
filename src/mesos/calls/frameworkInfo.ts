/** What a framework says of itself, and what is wrong with it. */
import type { Capability, FrameworkInfo, FrameworkRole, Labels, OfferConstraints } from "../../model/framework.ts";
import type { Subscription } from "../messages/call.ts";
import type { WireLabels } from "../messages/common.ts";
import type { OfferFilters, WireFrameworkInfo } from "../messages/framework.ts";
import { idError } from "./ids.ts";
import { readOfferConstraints } from "./offerConstraints.ts";
import { amountError, readQuantities } from "./quantities.ts";
import { leagueRole, roleErrorWithin, STAR } from "./roles.ts";
import { doubleText, setText } from "./texts.ts";

/** Who subscribes: what the credentials of the request say. */
export interface Credential {
  principal: string | null;
  /** everything of it is in this role or under it; null: the whole league */
  role: string | null;
}

export interface ReadSubscription {
  info: FrameworkInfo;
  suppressedRoles: string[];
  constraints: OfferConstraints;
  /** of the info itself; null: nothing is wrong with it */
  infoError: string | null;
  /** of what else was said with it */
  optionsError: string | null;
}

/** 100 years */
const MAX_FAILOVER_TIMEOUT_S = 100 * 365.25 * 86_400;

export function readSubscription(wire: Subscription, credential: Credential): ReadSubscription {
  const info = readFrameworkInfo(wire.framework_info, credential);
  const roles = new Set(info.roles.map(({ name }) => name));
  const { constraints, error } = readOfferConstraints(wire.offer_constraints, roles);
  return {
    info,
    suppressedRoles: [...new Set(wire.suppressed_roles)],
    constraints,
    infoError: frameworkInfoError(wire.framework_info, credential.role),
    optionsError: suppressedError(wire.suppressed_roles, roles) ?? error,
  };
}

function readFrameworkInfo(wire: WireFrameworkInfo, { principal, role }: Credential): FrameworkInfo {
  return {
    user: wire.user,
    name: wire.name,
    failoverTimeoutMs: Math.round(Math.max(0, wire.failover_timeout ?? 0) * 1000),
    checkpoint: wire.checkpoint ?? false,
    roles: rolesOf(wire, role),
    hostname: wire.hostname ?? null,
    principal: wire.principal ?? principal,
    webuiUrl: wire.webui_url ?? null,
    capabilities: capabilitiesOf(wire),
    labels: readLabels(wire.labels),
    minAllocatable: readFilters(wire.offer_filters ?? {}),
  };
}

export const readLabels = (wire: WireLabels | undefined): Labels =>
  (wire?.labels ?? []).map(({ key, value = null }) => ({ key, value }));

const capabilitiesOf = (wire: WireFrameworkInfo): Capability[] => [
  ...new Set(wire.capabilities.flatMap(({ type }) => type ?? [])),
];

const isMultiRole = (wire: WireFrameworkInfo): boolean => wire.capabilities.some(({ type }) => type === "MULTI_ROLE");

const namesOf = (wire: WireFrameworkInfo): readonly string[] => (isMultiRole(wire) ? wire.roles : [wire.role ?? STAR]);

/** Those that the league can't name are left out: `frameworkInfoError` tells of them. */
const rolesOf = (wire: WireFrameworkInfo, within: string | null): FrameworkRole[] =>
  namesOf(wire).flatMap((name) => {
    const role = leagueRole(name, within);
    return role === null ? [] : { name, role };
  });

function readFilters(filters: Readonly<Record<string, OfferFilters>>): FrameworkInfo["minAllocatable"] {
  const minima = Object.entries(filters).flatMap(([role, { min_allocatable_resources: min }]) =>
    min ? [[role, min.quantities.map(({ quantities }) => readQuantities(quantities ?? {}))] as const] : [],
  );
  return Object.fromEntries(minima);
}

/** In the order of Mesos' own checks. */
const frameworkInfoError = (wire: WireFrameworkInfo, within: string | null): string | null =>
  rolesError(wire, within) ??
  (wire.id === undefined || wire.id.value === "" ? null : idError(wire.id.value)) ??
  filtersError(wire.offer_filters ?? {}) ??
  failoverTimeoutError(wire.failover_timeout ?? 0);

function rolesError(wire: WireFrameworkInfo, within: string | null): string | null {
  if (!isMultiRole(wire)) {
    if (wire.roles.length > 0)
      return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable";
    const error = roleErrorWithin(wire.role ?? STAR, within);
    return error && `'FrameworkInfo.role' is not a valid role: ${error}`;
  }
  if (wire.role !== undefined) return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable";
  const duplicates = repeatedIn(wire.roles);
  if (duplicates.size > 0) return `'FrameworkInfo.roles' contains duplicate items: ${setText(duplicates)}`;
  for (const role of wire.roles) {
    const error = roleErrorWithin(role, within);
    if (error) return `'FrameworkInfo.roles' contains invalid role: ${error}`;
  }
  return null;
}

function repeatedIn(items: readonly string[]): Set<string> {
  const seen = new Set<string>();
  return new Set(items.filter((item) => seen.size === seen.add(item).size));
}

function filtersError(filters: Readonly<Record<string, OfferFilters>>): string | null {
  for (const { min_allocatable_resources: min } of Object.values(filters)) {
    for (const { quantities = {} } of min?.quantities ?? []) {
      const amounts = Object.entries(quantities);
      if (amounts.length === 0) return "Resource quantities must contain at least one quantity";
      for (const [name, { value }] of amounts) {
        const error = amountError(name, value);
        if (error) return `Invalid resource quantity for '${name}': ${error}`;
      }
    }
  }
  return null;
}

const failoverTimeoutError = (seconds: number): string | null =>
  Math.abs(seconds) <= MAX_FAILOVER_TIMEOUT_S
    ? null
    : `The framework failover_timeout (${doubleText(seconds)}) is invalid`;

function suppressedError(suppressed: readonly string[], roles: ReadonlySet<string>): string | null {
  const strangers = suppressed.filter((role) => !roles.has(role));
  return strangers.length === 0 ? null : `Suppressed roles ${setText(strangers)} are not contained in the set of roles`;
}
