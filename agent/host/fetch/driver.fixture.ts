/** What fetches in front of a driver, as tests make it, also in a process that they kill. */
import type { Driver, DriverEvents } from "../driver.ts";
import { taskUser } from "../process/user.ts";
import { FetchingDriver } from "./driver.ts";
import type { FetchOptions } from "./fetch.ts";

/** @param folder of which files may be had */
export const fetching = (
  driver: Driver,
  tasks: string,
  events: DriverEvents,
  folder: string,
  more: Partial<FetchOptions> = {},
): FetchingDriver =>
  new FetchingDriver(driver, {
    ...{ tasks, user: taskUser(null), log: () => {} },
    fetch: {
      allowed: { schemes: ["http", "https"], folders: [folder] },
      ...{ mostBytes: 2 ** 20, caFile: null, environment: {}, ...more },
    },
    ...events,
  });
