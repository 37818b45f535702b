/** Where the files of a task come from and what they are called there: decided by their URIs alone. Pure. */
import type { Uri } from "../../../src/model/container.ts";

/** A sentence that names what could not be fetched and why. */
export class FetchError extends Error {
  constructor(uri: string, reason: string) {
    super(`${nameless(uri)} can't be fetched: ${reason}`);
  }
}

/** What the owner lets tasks have fetched: schemes of the network, and folders of this machine. */
export interface Allowed {
  schemes: readonly ("http" | "https")[];
  /** absolute */
  folders: readonly string[];
}

export type Source = { is: "web"; url: URL } | { is: "file"; path: string };

/** Without the name and password that it may carry. */
export const nameless = (uri: string): string => uri.replace(/^([a-z]+:\/\/)[^/@?#]*@/i, "$1");

/** @throws FetchError also when its owner does not allow it */
export function sourceOf(value: string, { schemes, folders }: Allowed): Source {
  if (value.startsWith("/") || /^file:/i.test(value)) {
    const path = pathOf(value);
    if (path === null || !isPlainPath(path)) throw new FetchError(value, "it is not a path of this machine");
    if (!folders.some((folder) => isBelow(path, folder)))
      throw new FetchError(value, `this node's owner allows no files from there (--fetch-from ${listOf(folders)})`);
    return { is: "file", path };
  }
  if (!URL.canParse(value)) throw new FetchError(value, "it is no URI");
  return { is: "web", url: checkScheme(value, new URL(value), schemes) };
}

/** Also of where a redirect leads. @throws FetchError */
export function checkScheme(value: string, url: URL, schemes: Allowed["schemes"]): URL {
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== "http" && scheme !== "https")
    throw new FetchError(value, `${scheme}: is not known here; http, https and file are`);
  if (!schemes.includes(scheme))
    throw new FetchError(value, `this node's owner does not allow ${scheme} (--fetch-from ${listOf(schemes)})`);
  return url;
}

const listOf = (words: readonly string[]): string => words.join() || "none";

function pathOf(value: string): string | null {
  if (value.startsWith("/")) return value;
  if (!URL.canParse(value)) return null;
  const { hostname, pathname } = new URL(value);
  if (hostname !== "" && hostname !== "localhost") return null;
  try {
    return decodeURIComponent(pathname);
  } catch {
    return null;
  }
}

const isPlainPath = (path: string): boolean => !path.includes("\0") && !path.split("/").includes("..");

export const isBelow = (path: string, folder: string): boolean =>
  folder === "/" || path === folder || path.startsWith(`${folder}/`);

/** Its name in the task's folder, perhaps with folders in front. @throws FetchError */
export function nameOf({ value, outputFile }: Uri): string {
  if (outputFile !== null) {
    if (isInside(outputFile) && !/\/\.?$|\0/.test(outputFile)) return outputFile;
    throw new FetchError(value, `"${outputFile}" is no name in the task's folder`);
  }
  const path = !value.startsWith("/") && URL.canParse(value) ? new URL(value).pathname : value;
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (!isInside(name)) throw new FetchError(value, "it ends in no name; say outputFile");
  return name;
}

/** A name of an archive, or in a task's folder, that stays in it. */
export function isInside(name: string): boolean {
  const parts = name.split("/");
  return !name.startsWith("/") && !parts.includes("..") && parts.some((part) => part !== "" && part !== ".");
}

/** A link in a folder does not lead out of it. @param at its name there @param target what it says */
export function linksInside(at: string, target: string): boolean {
  if (target.startsWith("/")) return false;
  let depth = at.split("/").filter((part) => part !== "" && part !== ".").length - 1;
  for (const part of target.split("/")) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    if (depth < 0) return false;
  }
  return true;
}

export type Archive = { is: "tar"; flag: "" | "z" | "j" | "J" } | { is: "zip" } | { is: "gz"; name: string };

const TARS = { "": /\.tar$/, z: /\.(tar\.gz|tgz)$/, j: /\.(tar\.bz2|tbz2)$/, J: /\.(tar\.xz|txz)$/ } as const;

/** @returns null: it is none that we know */
export function archiveOf(name: string): Archive | null {
  for (const flag of ["", "z", "j", "J"] as const) if (TARS[flag].test(name)) return { is: "tar", flag };
  if (name.endsWith(".zip")) return { is: "zip" };
  const inner = name.endsWith(".gz") ? name.slice(0, -".gz".length) : "";
  return isInside(inner) && !inner.endsWith("/") ? { is: "gz", name: inner } : null;
}
