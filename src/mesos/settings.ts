/** What a deployment says of its Mesos surface. */
import type { Env } from "../api/env.ts";
import { NAME } from "../model/ids.ts";
import { Problem } from "../model/problems.ts";
import { MAX_ROLE_CHARS, ROLE } from "../model/role.ts";

/** Real clients give up after 10 s of silence. */
const DEFAULT_HEARTBEAT_S = 5;
const MIN_HEARTBEAT_S = 1;
const MAX_HEARTBEAT_S = 60;

export interface Binding {
  league: string;
  /** null: the whole league */
  role: string | null;
}

/** For whom requests without credentials act; null: for nobody. @throws Problem when HANSA_MESOS can't be read */
export function bindingOf({ HANSA_MESOS }: Env): Binding | null {
  if (HANSA_MESOS === undefined || HANSA_MESOS === "") return null;
  const [league = "", role = null, ...more] = HANSA_MESOS.split(":");
  const roleIsRight = role === null || (ROLE.test(role) && role.length <= MAX_ROLE_CHARS);
  if (NAME.test(league) && roleIsRight && more.length === 0) return { league, role };
  throw new Problem("unavailable", `HANSA_MESOS is "${HANSA_MESOS}": it must be LEAGUE or LEAGUE:ROLE`);
}

/** @throws Problem when HANSA_MESOS_HEARTBEAT can't be read */
export function heartbeatMsOf({ HANSA_MESOS_HEARTBEAT }: Env): number {
  if (HANSA_MESOS_HEARTBEAT === undefined || HANSA_MESOS_HEARTBEAT === "") return DEFAULT_HEARTBEAT_S * 1000;
  const seconds = /^\d+(\.\d+)?$/.test(HANSA_MESOS_HEARTBEAT) ? Number(HANSA_MESOS_HEARTBEAT) : Number.NaN;
  if (seconds >= MIN_HEARTBEAT_S && seconds <= MAX_HEARTBEAT_S) return Math.round(seconds * 1000);
  throw new Problem(
    "unavailable",
    `HANSA_MESOS_HEARTBEAT is "${HANSA_MESOS_HEARTBEAT}": it must be seconds, ${MIN_HEARTBEAT_S} to ${MAX_HEARTBEAT_S}`,
  );
}
