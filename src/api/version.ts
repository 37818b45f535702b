import { MESOS_VERSION } from "../model/framework.ts";

/** The version of this build; `scripts/build.ts` puts it in. */
declare const HANSA_VERSION: string;

export const VERSION: string = HANSA_VERSION;

/** As a master of Mesos tells of itself. When and where it was built is not known. */
export const MESOS_VERSION_INFO = { version: MESOS_VERSION, git_tag: `hansa-${VERSION}`, build_user: "hansa" };
