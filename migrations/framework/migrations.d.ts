import type { Migrations } from "../../src/platform/drizzle.ts";

declare const migrations: Migrations;
export default migrations;
