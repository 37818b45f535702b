/** What an agent needs only once its first poll is on its way: it is loaded then, because that takes as long again. */
export { recountGpus } from "./gpus.ts";
export { buildInventory, readMachine } from "./inventory.ts";
export { makeNotifier } from "./notify.ts";
export { serveStatus } from "./statusSocket.ts";
export { Workshop } from "./workshop.ts";
