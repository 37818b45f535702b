/** The answers to calls but SUBSCRIBE, each in the envelope of its type. */
import { MESOS_VERSION_INFO } from "../../api/version.ts";
import { masterInfoJson } from "../events/events.ts";
import type { Json } from "../events/offeredResources.ts";
import { getAgents } from "./agents.ts";
import type { ServedType } from "./call.ts";
import { getFrameworks } from "./frameworks.ts";
import type { Look } from "./look.ts";
import { flagsOf } from "./master.ts";
import { figuresOf } from "./metrics.ts";
import { getRoles, getWeights, quotaStatus } from "./roles.ts";
import { getState } from "./state.ts";
import { getExecutors, getTasks } from "./tasks.ts";

type Answered = Exclude<ServedType, "SUBSCRIBE">;

export async function answerTo(type: Answered, look: Look, url: URL, isBound: boolean): Promise<Json> {
  return { type, [type.toLowerCase()]: await contentOf(type, look, url, isBound) };
}

async function contentOf(type: Answered, look: Look, url: URL, isBound: boolean): Promise<Json> {
  switch (type) {
    case "GET_HEALTH":
      return { healthy: true };
    case "GET_VERSION":
      return { version_info: MESOS_VERSION_INFO };
    case "GET_MASTER":
      return { master_info: masterInfoJson(url) };
    case "GET_FLAGS":
      return { flags: pairs(flagsOf(look.viewer, isBound)) };
    case "GET_METRICS":
      return { metrics: pairs(await figuresOf(look)) };
    case "GET_STATE":
      return getState(look, url);
    case "GET_AGENTS":
      return getAgents(look);
    case "GET_FRAMEWORKS":
      return getFrameworks(look, url);
    case "GET_TASKS":
      return getTasks(look);
    case "GET_EXECUTORS":
      return getExecutors(look);
    // Operations are over when the accept that asked for them is answered.
    case "GET_OPERATIONS":
      return {};
    case "GET_ROLES":
      return getRoles(look);
    case "GET_WEIGHTS":
      return getWeights(look);
    case "GET_QUOTA":
      return { status: await quotaStatus(look) };
  }
}

const pairs = (values: Record<string, string | number>): Json[] =>
  Object.entries(values).map(([name, value]) => ({ name, value }));
