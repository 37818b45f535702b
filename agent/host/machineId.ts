/**
 * What tells this machine and this data folder from any other: a copy of the disk in another machine has other hardware,
 * a copy of the folder beside it another inode. Only compared, never sent.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { readIfThere } from "./files.ts";

/** Of the board; the first that can be read. The one of a PC is for root's eyes only. */
const SERIAL_FILES = ["/sys/class/dmi/id/product_uuid", "/proc/device-tree/serial-number"];
const CARDS = "/sys/class/net";
const ID_CHARS = 32;
const NO_ADDRESS = "00:00:00:00:00:00";

/** @returns a hash; null on a machine that nothing is known of */
export async function machineId(
  data: string,
  read: (path: string) => string | null = readable,
): Promise<string | null> {
  const hardware = SERIAL_FILES.map(read).find((serial) => serial?.trim()) ?? cardAddresses(read);
  if (!hardware) return null;
  const { ino } = statSync(data, { bigint: true });
  const digest = await crypto.subtle.digest("SHA-256", Buffer.from(JSON.stringify([hardware, data, String(ino)])));
  return Buffer.from(digest).toString("hex").slice(0, ID_CHARS);
}

/** Of real network cards, not of bridges and tunnels. */
function cardAddresses(read: (path: string) => string | null): string {
  if (!existsSync(CARDS)) return "";
  return readdirSync(CARDS)
    .filter((name) => existsSync(join(CARDS, name, "device")))
    .map((name) => read(join(CARDS, name, "address"))?.trim() ?? "")
    .filter((address) => address !== "" && address !== NO_ADDRESS)
    .sort()
    .join();
}

function readable(path: string): string | null {
  try {
    return readIfThere(path);
  } catch {
    return null;
  }
}
