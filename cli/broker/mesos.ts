/** Whom the broker's Mesos API serves without credentials, and how often it shows signs of life. */
import { NAME } from "../../src/model/ids.ts";
import { Problem } from "../../src/model/problems.ts";
import { ROLE } from "../../src/model/role.ts";

export interface MesosOptions {
  mesos?: string;
  mesosHeartbeat?: string;
}

const MIN_HEARTBEAT_S = 1;
const MAX_HEARTBEAT_S = 60;

/** What the Worker is told of it. @throws Problem for what it could not read */
export function mesosVariables(
  { mesos, mesosHeartbeat }: MesosOptions,
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  const binding = mesos ?? env.HANSA_MESOS ?? "";
  const heartbeat = mesosHeartbeat ?? env.HANSA_MESOS_HEARTBEAT ?? "";
  const [league = "", role, ...more] = binding.split(":");
  if (binding !== "" && (!NAME.test(league) || more.length > 0 || (role !== undefined && !ROLE.test(role))))
    throw new Problem("invalid-request", `"${binding}" binds nothing: say LEAGUE, or LEAGUE:ROLE`);
  const seconds = /^\d+(\.\d+)?$/.test(heartbeat) ? Number(heartbeat) : Number.NaN;
  if (heartbeat !== "" && !(seconds >= MIN_HEARTBEAT_S && seconds <= MAX_HEARTBEAT_S))
    throw new Problem(
      "invalid-request",
      `"${heartbeat}" is no heartbeat: say seconds, ${MIN_HEARTBEAT_S} to ${MAX_HEARTBEAT_S}`,
    );
  return {
    ...(binding !== "" && { HANSA_MESOS: binding }),
    ...(heartbeat !== "" && { HANSA_MESOS_HEARTBEAT: heartbeat }),
  };
}
