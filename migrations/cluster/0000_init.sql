CREATE TABLE `attempt` (
	`job` text NOT NULL,
	`index` integer NOT NULL,
	`epoch` integer NOT NULL,
	`node` text NOT NULL,
	`state` text NOT NULL,
	`reason` text,
	`code` integer,
	`signal` text,
	`message` text,
	`ran_ms` integer,
	`stdout_bytes` integer,
	`stderr_bytes` integer,
	PRIMARY KEY(`job`, `index`, `epoch`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `grant` (
	`job` text PRIMARY KEY NOT NULL,
	`gen` integer NOT NULL,
	`action` text NOT NULL,
	`limit` integer NOT NULL,
	`supply` text NOT NULL,
	`returned` text NOT NULL,
	`template` text NOT NULL,
	`ended` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `node` (
	`name` text PRIMARY KEY NOT NULL,
	`join_key` text NOT NULL,
	`serial` integer NOT NULL,
	`session` integer NOT NULL,
	`nonce` text NOT NULL,
	`boot` text NOT NULL,
	`inventory` text,
	`paused` integer NOT NULL,
	`removed` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `self` (
	`id` integer PRIMARY KEY NOT NULL,
	`incarnation` integer NOT NULL,
	`generation` integer NOT NULL,
	`rev_block` integer NOT NULL,
	`recover_ms` integer NOT NULL,
	`renews_unknown` integer NOT NULL,
	`broker` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `silence` (
	`node` text NOT NULL,
	`session` integer NOT NULL,
	`silent_ms` integer NOT NULL,
	PRIMARY KEY(`node`, `session`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `task` (
	`job` text NOT NULL,
	`index` integer NOT NULL,
	`epoch` integer NOT NULL,
	`state` text NOT NULL,
	`attempts_used` integer NOT NULL,
	`node` text NOT NULL,
	`session` integer NOT NULL,
	`carried_session` integer NOT NULL,
	`carried_seq` integer NOT NULL,
	`not_before` integer NOT NULL,
	`item` text,
	`reason` text,
	`code` integer,
	`signal` text,
	`message` text,
	`ran_ms` integer,
	`stdout_bytes` integer,
	`stderr_bytes` integer,
	PRIMARY KEY(`job`, `index`)
) WITHOUT ROWID;
