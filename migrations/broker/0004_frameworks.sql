CREATE TABLE `framework` (
	`id` text PRIMARY KEY NOT NULL,
	`level` text NOT NULL,
	`roles` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `framework_grant` (
	`framework` text NOT NULL,
	`cluster` text NOT NULL,
	`gen` integer NOT NULL,
	`limits` text NOT NULL,
	`earlier` text NOT NULL,
	`incarnation` integer NOT NULL,
	`rev` integer NOT NULL,
	`reported` text,
	PRIMARY KEY(`framework`, `cluster`)
) WITHOUT ROWID;
