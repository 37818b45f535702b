/** A file of the web as it comes, whichever runtime gets it; `package.json` (`imports`) chooses which. */

export interface Way {
  /** PEM file with authorities trusted besides the usual ones */
  caFile: string | null;
  /** HTTPS_PROXY, HTTP_PROXY and NO_PROXY are read from it */
  environment: NodeJS.ProcessEnv;
}

export interface Got {
  status: number;
  /** where a redirect leads */
  location: string | null;
  /** as it said; null: it did not */
  length: number | null;
  body: AsyncIterable<Uint8Array>;
}

/** One that leads elsewhere is not followed. @throws when there is no answer */
export type Get = (url: URL, way: Way, signal: AbortSignal) => Promise<Got>;

/** The URL without name and password, and these as a header. */
export function asked(url: URL): { url: URL; headers: Record<string, string> } {
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  const named = [url.username, url.password].map(decodeURIComponent).join(":");
  return {
    url: bare,
    headers: {
      accept: "*/*",
      "accept-encoding": "identity",
      "user-agent": "hansa-agent",
      ...(named !== ":" && { authorization: `Basic ${Buffer.from(named).toString("base64")}` }),
    },
  };
}

export const lengthOf = (said: string | null | undefined): number | null =>
  said && /^\d{1,15}$/.test(said) ? Number(said) : null;
