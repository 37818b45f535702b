/** The script behind `curl … | sh`: a file of plain sh, with what this broker knows put into it. */
import { shellQuote } from "../model/command.ts";
import { Problem } from "../model/problems.ts";

export interface ScriptFacts {
  /** how the machine that asks reaches this broker, no slash at the end */
  broker: string;
  /** base URL of compiled agents; null: none are offered */
  agentUrl: string | null;
  /** of `/agent.cjs`, in hex */
  bundleSha256: string;
}

/** @param template install.sh */
export function installScript(template: string, { broker, agentUrl, bundleSha256 }: ScriptFacts): string {
  const facts: Record<string, string> = {
    "@BROKER@": broker,
    "@AGENT_URL@": agentUrl ?? "",
    "@BUNDLE_SHA256@": bundleSha256,
  };
  return template.replace(/^([A-Z0-9_]+=)(@[A-Z0-9_]+@)$/gm, (_, name: string, fact: string) => {
    const value = facts[fact];
    if (value === undefined) throw new Error(`install.sh asks for ${fact}`);
    return `${name}${shellQuote(value)}`;
  });
}

/**
 * Where the one who asked found this broker. Before a broker of one's own a proxy may end TLS and say so; the answer
 * goes to nobody else, so a header that lies only misleads who sent it.
 */
export function originOf(url: string, forwardedProtocol: string | undefined): string {
  const { protocol, host } = new URL(url);
  return `${forwardedProtocol === "https" ? "https:" : protocol}//${host}`;
}

/** @throws Problem when the deployment says something that is no base URL */
export function agentUrlOf(variable: string | undefined): string | null {
  if (!variable) return null;
  if (!URL.canParse(variable) || !/^https?:$/.test(new URL(variable).protocol))
    throw new Problem("unavailable", `AGENT_URL of this deployment is no URL: ${variable}`);
  return variable.replace(/\/+$/, "");
}
