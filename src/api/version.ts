/** The version of this build; `scripts/build.ts` puts it in. */
declare const HANSA_VERSION: string;

export const VERSION: string = HANSA_VERSION;
