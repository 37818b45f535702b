CREATE TABLE `drilled` (
	`job` text NOT NULL,
	`index` integer NOT NULL,
	`epoch` integer NOT NULL,
	`node` text NOT NULL,
	`start` text NOT NULL,
	`fate` text NOT NULL,
	PRIMARY KEY(`job`, `index`, `epoch`)
) WITHOUT ROWID;
--> statement-breakpoint
ALTER TABLE `self` ADD `drill` text;