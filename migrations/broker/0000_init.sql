CREATE TABLE `cluster` (
	`name` text PRIMARY KEY NOT NULL,
	`labels` text NOT NULL,
	`incarnation` integer NOT NULL,
	`rev` integer NOT NULL,
	`shapes` text NOT NULL,
	`nodes` text NOT NULL,
	`removed` integer NOT NULL,
	`created_at` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `event` (
	`seq` integer PRIMARY KEY NOT NULL,
	`at` integer NOT NULL,
	`body` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `grant` (
	`job` text NOT NULL,
	`cluster` text NOT NULL,
	`gen` integer NOT NULL,
	`action` text NOT NULL,
	`limit` integer NOT NULL,
	`supply` text NOT NULL,
	`incarnation` integer NOT NULL,
	`rev` integer NOT NULL,
	`reported` text,
	`barred` integer NOT NULL,
	PRIMARY KEY(`job`, `cluster`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `idempotency` (
	`key` text PRIMARY KEY NOT NULL,
	`digest` text NOT NULL,
	`answer` text NOT NULL,
	`at` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `item` (
	`job` text NOT NULL,
	`chunk` integer NOT NULL,
	`items` text NOT NULL,
	PRIMARY KEY(`job`, `chunk`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `job` (
	`id` text PRIMARY KEY NOT NULL,
	`ordinal` integer NOT NULL,
	`digest` text NOT NULL,
	`count` integer NOT NULL,
	`template` text NOT NULL,
	`clusters` text,
	`has_items` integer NOT NULL,
	`state` text NOT NULL,
	`queue` text NOT NULL,
	`next_handout` integer NOT NULL,
	`banked` text NOT NULL,
	`created_at` integer NOT NULL,
	`ended_at` integer
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `join_use` (
	`token` text NOT NULL,
	`key` text NOT NULL,
	PRIMARY KEY(`token`, `key`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `self` (
	`id` integer PRIMARY KEY NOT NULL,
	`incarnation` integer NOT NULL,
	`generation` integer NOT NULL,
	`since_restore_ms` integer NOT NULL,
	`restored_ordinal` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `token` (
	`id` text PRIMARY KEY NOT NULL,
	`hash` text NOT NULL,
	`scope` text NOT NULL,
	`cluster` text,
	`role` text,
	`uses_left` integer,
	`expires_at` integer,
	`revoked` integer NOT NULL,
	`note` text NOT NULL,
	`created_at` integer NOT NULL
) WITHOUT ROWID;
