/** Which proxy the environment names for a broker, by the rules of Node's `proxyEnv`. Pure. */
import { isIPv4 } from "../ip.ts";

const PROXY_NAMES = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"];

/** The proxy settings among the variables, if any. */
export function proxyOf(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv | null {
  const found = Object.entries(environment).filter(([name, value]) => PROXY_NAMES.includes(name) && value);
  return found.length > 0 ? Object.fromEntries(found) : null;
}

const DEFAULT_PORTS: Record<string, string> = { "http:": "80", "https:": "443" };

/** @returns its URL, or null: none */
export function proxyFor(url: URL, environment: NodeJS.ProcessEnv): string | null {
  const named = (name: string) => environment[name.toLowerCase()] || environment[name] || null;
  const proxy = named(url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY");
  if (proxy === null || isExcepted(url, named("NO_PROXY") ?? "")) return null;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

function isExcepted({ protocol, hostname, port }: URL, exceptions: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const withPort = `${host}:${port || DEFAULT_PORTS[protocol]}`;
  return exceptions
    .toLowerCase()
    .split(",")
    .map((entry) => entry.trim())
    .some((entry) => {
      if (entry === "*" || entry === host || entry === withPort) return true;
      if (entry.startsWith(".")) return host.endsWith(entry);
      if (entry.startsWith("*.")) return host.endsWith(entry.slice(1));
      const [first = "", last = ""] = entry.split("-");
      return [host, first, last].every(isIPv4) && numberOf(first) <= numberOf(host) && numberOf(host) <= numberOf(last);
    });
}

const numberOf = (ip: string): number => ip.split(".").reduce((number, part) => number * 256 + Number(part), 0);
