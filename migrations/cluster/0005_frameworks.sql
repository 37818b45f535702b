CREATE TABLE `accepted` (
	`framework` text NOT NULL,
	`id` text NOT NULL,
	`at` integer NOT NULL,
	`answer` text NOT NULL,
	PRIMARY KEY(`framework`, `id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `framework` (
	`id` text PRIMARY KEY NOT NULL,
	`gen` integer NOT NULL,
	`level` text NOT NULL,
	`limits` text NOT NULL,
	`told_whole` integer NOT NULL,
	`notes` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `offer` (
	`id` text PRIMARY KEY NOT NULL,
	`framework` text NOT NULL,
	`role` text NOT NULL,
	`node` text NOT NULL,
	`partition` text NOT NULL,
	`pieces` text NOT NULL,
	`held_until` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `refusal` (
	`framework` text NOT NULL,
	`role` text NOT NULL,
	`seq` integer NOT NULL,
	`until` integer NOT NULL,
	`refused` text NOT NULL,
	`nodes` text NOT NULL,
	PRIMARY KEY(`framework`, `role`, `seq`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `reservation` (
	`node` text NOT NULL,
	`key` text NOT NULL,
	`piece` text NOT NULL,
	`role` text NOT NULL,
	`partition` text NOT NULL,
	PRIMARY KEY(`node`, `key`)
) WITHOUT ROWID;
--> statement-breakpoint
ALTER TABLE `grant` ADD `launched` text;