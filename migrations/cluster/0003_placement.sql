CREATE TABLE `learned` (
	`id` integer PRIMARY KEY NOT NULL,
	`shapes` text NOT NULL
);
--> statement-breakpoint
ALTER TABLE `grant` ADD `claim` text;--> statement-breakpoint
ALTER TABLE `grant` ADD `yields` text;--> statement-breakpoint
ALTER TABLE `grant` ADD `waits` text;--> statement-breakpoint
ALTER TABLE `node` ADD `drain` text;--> statement-breakpoint
ALTER TABLE `self` ADD `drain` text;--> statement-breakpoint
ALTER TABLE `self` ADD `no_nodes_since` integer;--> statement-breakpoint
ALTER TABLE `silence` ADD `is_silent` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `task` ADD `devices` text;--> statement-breakpoint
ALTER TABLE `task` ADD `ports` text;--> statement-breakpoint
ALTER TABLE `task` ADD `stopping` text;--> statement-breakpoint
ALTER TABLE `task` ADD `leaving` text;