ALTER TABLE `grant` ADD `claim` text;--> statement-breakpoint
ALTER TABLE `grant` ADD `yields` text;