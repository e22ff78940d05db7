-- The database of a 4.5 system as far as the upgrade knows it. A fixture of tests; see README.md.
-- Two tables are latin1 and some are MyISAM, as they are in the wild.
SET NAMES utf8;
SET FOREIGN_KEY_CHECKS = 0;

CREATE TABLE `users` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `user` varchar(20),
  `pin` varchar(10),
  `firstname` varchar(50),
  `lastname` varchar(50),
  `honorific` varchar(30),
  `email` varchar(50),
  `nobody_index` mediumint(8) unsigned,
  `host_id` mediumint(8) unsigned,
  `current_ip` varchar(15),
  `user_comment` varchar(200),
  `group_id` mediumint(8) unsigned,
  `softkey_profile_id` int(10) unsigned,
  `prov_param_profile_id` int(10) unsigned,
  `hotdescable` tinyint(1) unsigned,
  PRIMARY KEY (`id`),
  UNIQUE KEY `user` (`user`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `ast_sipfriends` (
  `_user_id` int(10) unsigned,
  `name` varchar(16),
  `secret` varchar(16),
  `host` varchar(50),
  `context` varchar(50),
  `callerid` varchar(80),
  `mailbox` varchar(25),
  `setvar` varchar(50),
  `language` varchar(10),
  KEY `_user_id` (`_user_id`),
  KEY `name` (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `ast_voicemail` (
  `_uniqueid` int(10) unsigned NOT NULL,
  `_user_id` int(10) unsigned,
  `mailbox` varchar(10),
  `context` varchar(50),
  `password` varchar(10),
  `email` varchar(50),
  `fullname` varchar(50),
  `tz` varchar(25),
  `attach` enum('no','yes'),
  `delete` enum('no','yes'),
  `uniqueid` varchar(11),
  PRIMARY KEY (`_uniqueid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `callforwards` (
  `user_id` int(10) unsigned NOT NULL,
  `source` enum('internal','external') NOT NULL,
  `case` enum('always','busy','unavail','offline') NOT NULL,
  `timeout` tinyint(3) unsigned,
  `number_std` varchar(50),
  `number_var` varchar(50),
  `number_vml` varchar(20),
  `vm_rec_id` int(10) unsigned,
  `active` enum('no','std','var','vml','trl','par'),
  PRIMARY KEY (`user_id`,`source`,`case`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `cf_timerules` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `ord` int(10) unsigned,
  `_user_id` int(10) unsigned,
  `d_mo` tinyint(1) unsigned,
  `d_tu` tinyint(1) unsigned,
  `d_we` tinyint(1) unsigned,
  `d_th` tinyint(1) unsigned,
  `d_fr` tinyint(1) unsigned,
  `d_sa` tinyint(1) unsigned,
  `d_su` tinyint(1) unsigned,
  `h_from` time,
  `h_to` time,
  `target` varchar(20),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `cf_parallelcall` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `_user_id` int(10) unsigned,
  `number` varchar(20),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `callwaiting` (
  `user_id` int(10) unsigned NOT NULL,
  `active` tinyint(1) unsigned,
  PRIMARY KEY (`user_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `dnd` (
  `_user_id` int(10) unsigned NOT NULL,
  `active` enum('no','yes'),
  PRIMARY KEY (`_user_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `clir` (
  `user_id` int(10) unsigned NOT NULL,
  `internal_restrict` enum('no','once','yes'),
  `external_restrict` enum('no','once','yes'),
  PRIMARY KEY (`user_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `ringtones` (
  `user_id` int(10) unsigned NOT NULL,
  `src` enum('internal','external') NOT NULL,
  `bellcore` tinyint(3) unsigned,
  `file` varchar(40),
  PRIMARY KEY (`user_id`,`src`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `callblocking` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `user_id` int(10) unsigned,
  `regexp` varchar(40),
  `pin` varchar(10),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `groups` (
  `id` mediumint(8) unsigned NOT NULL AUTO_INCREMENT,
  `name` varchar(20),
  `title` varchar(50),
  `type` varchar(20),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `group_members` (
  `group` mediumint(8) unsigned NOT NULL,
  `member` mediumint(8) unsigned NOT NULL,
  PRIMARY KEY (`group`,`member`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `group_includes` (
  `group` mediumint(8) unsigned NOT NULL,
  `member` mediumint(8) unsigned NOT NULL,
  PRIMARY KEY (`group`,`member`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `group_connections` (
  `type` varchar(20),
  `group` mediumint(8) unsigned,
  `key` varchar(20),
  `connection` varchar(255)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `group_permissions` (
  `type` varchar(25),
  `group` mediumint(8) unsigned,
  `permit` mediumint(8) unsigned
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `ast_queues` (
  `_id` int(10) unsigned NOT NULL,
  `name` varchar(10),
  `_host_id` mediumint(8) unsigned,
  `_title` varchar(50),
  `musicclass` varchar(50),
  `_sysrec_id` int(10) unsigned,
  `timeout` smallint(5) unsigned,
  `periodic_announce_frequency` tinyint(3) unsigned,
  `announce_frequency` tinyint(3) unsigned,
  `announce_holdtime` varchar(5),
  `retry` tinyint(3) unsigned,
  `wrapuptime` tinyint(3) unsigned,
  `maxlen` tinyint(3) unsigned,
  `strategy` varchar(20),
  `joinempty` varchar(10),
  `leavewhenempty` varchar(10),
  `ringinuse` varchar(5),
  `memberdelay` tinyint(3) unsigned,
  `weight` tinyint(3) unsigned,
  `_min_agents` int(10) unsigned,
  PRIMARY KEY (`_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `ast_queue_members` (
  `queue_name` varchar(20),
  `_queue_id` int(10) unsigned,
  `interface` varchar(25),
  `_user_id` int(10) unsigned,
  `penalty` tinyint(3) unsigned,
  `static` tinyint(1),
  `uniqueid` int(100) unsigned,
  `paused` int(1) unsigned
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `penalties` (
  `_queue_id` int(10) unsigned NOT NULL,
  `_user_id` int(10) unsigned NOT NULL,
  `_host_id` mediumint(8) unsigned,
  `penalty` int(1) unsigned,
  PRIMARY KEY (`_queue_id`,`_user_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `queue_callforwards` (
  `queue_id` int(10) unsigned NOT NULL,
  `source` enum('internal','external') NOT NULL,
  `case` enum('always','full','timeout','empty') NOT NULL,
  `timeout` tinyint(3) unsigned,
  `number_std` varchar(50),
  `number_var` varchar(50),
  `number_vml` varchar(20),
  `vm_rec_id` int(10) unsigned,
  `active` enum('no','std','var','vml','trl','par'),
  PRIMARY KEY (`queue_id`,`source`,`case`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `queue_cf_timerules` (
  `id` int(10) unsigned NOT NULL,
  `_queue_id` int(10) unsigned,
  `ord` int(10) unsigned,
  `d_mo` tinyint(1) unsigned,
  `d_tu` tinyint(1) unsigned,
  `d_we` tinyint(1) unsigned,
  `d_th` tinyint(1) unsigned,
  `d_fr` tinyint(1) unsigned,
  `d_sa` tinyint(1) unsigned,
  `d_su` tinyint(1) unsigned,
  `h_from` time,
  `h_to` time,
  `target` varchar(20),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `queue_cf_parallelcall` (
  `id` int(10) unsigned NOT NULL,
  `_queue_id` int(10) unsigned,
  `number` varchar(20),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `gates` (
  `id` smallint(5) unsigned NOT NULL,
  `grp_id` smallint(5) unsigned,
  `type` varchar(10),
  `name` varchar(25),
  `title` varchar(50),
  `allow_out` tinyint(1) unsigned,
  `dialstr` varchar(50),
  `host` varchar(50),
  `proxy` varchar(50),
  `user` varchar(35),
  `pwd` varchar(35),
  `register` tinyint(1) unsigned,
  `hw_port` tinyint(3) unsigned,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `gate_params` (
  `gate_id` smallint(5) unsigned NOT NULL,
  `param` varchar(50) NOT NULL,
  `value` varchar(255),
  PRIMARY KEY (`gate_id`,`param`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `gate_grps` (
  `id` smallint(5) unsigned NOT NULL,
  `name` varchar(20),
  `title` varchar(50),
  `type` varchar(20),
  `allow_in` tinyint(1) unsigned,
  `in_dest_search` varchar(50),
  `in_dest_replace` varchar(25),
  `in_cid_search` varchar(50),
  `in_cid_replace` varchar(25),
  `out_cid_search` varchar(50),
  `out_cid_replace` varchar(25),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `gate_cids` (
  `grp_id` smallint(5) unsigned NOT NULL,
  `cid_int` varchar(16) NOT NULL,
  `cid_ext` varchar(30),
  PRIMARY KEY (`grp_id`,`cid_int`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `routes` (
  `id` int(10) unsigned NOT NULL,
  `active` tinyint(1) unsigned,
  `ord` int(10) unsigned,
  `pattern` varchar(30),
  `d_mo` tinyint(1) unsigned,
  `d_tu` tinyint(1) unsigned,
  `d_we` tinyint(1) unsigned,
  `d_th` tinyint(1) unsigned,
  `d_fr` tinyint(1) unsigned,
  `d_sa` tinyint(1) unsigned,
  `d_su` tinyint(1) unsigned,
  `h_from` time,
  `h_to` time,
  `user_grp_id` mediumint(8) unsigned,
  `gw_grp_id_1` smallint(5) unsigned,
  `gw_grp_id_2` smallint(5) unsigned,
  `gw_grp_id_3` smallint(5) unsigned,
  `lcrprfx` varchar(6),
  `descr` varchar(150),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `routes_in` (
  `id` int(10) unsigned NOT NULL,
  `gate_grp_id` smallint(5) unsigned,
  `active` tinyint(1) unsigned,
  `ord` int(10) unsigned,
  `pattern` varchar(30),
  `d_mo` tinyint(3) unsigned,
  `d_tu` tinyint(3) unsigned,
  `d_we` tinyint(3) unsigned,
  `d_th` tinyint(3) unsigned,
  `d_fr` tinyint(3) unsigned,
  `d_sa` tinyint(3) unsigned,
  `d_su` tinyint(3) unsigned,
  `h_from` time,
  `h_to` time,
  `to_ext` varchar(10),
  `descr` varchar(150),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `phones` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `type` varchar(30),
  `mac_addr` varchar(14),
  `user_id` int(10) unsigned,
  `nobody_index` mediumint(8) unsigned,
  `added` int(10) unsigned,
  `firmware_cur` varchar(25),
  `fw_manual_update` tinyint(1) unsigned,
  `expansion_modules` varchar(50),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `user_groups` (
  `id` mediumint(8) unsigned NOT NULL,
  `lft` mediumint(8) unsigned,
  `rgt` mediumint(8) unsigned,
  `name` varchar(20),
  `title` varchar(50),
  `softkey_profile_id` int(10) unsigned,
  `prov_param_profile_id` int(10) unsigned,
  `show_ext_modules` tinyint(1) unsigned,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `prov_param_profiles` (
  `id` int(10) unsigned NOT NULL,
  `is_group_profile` tinyint(1) unsigned,
  `title` varchar(50),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `prov_params` (
  `profile_id` int(10) unsigned,
  `phone_type` varchar(20),
  `param` varchar(50),
  `index` smallint(5) unsigned,
  `value` varchar(100)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `softkey_profiles` (
  `id` int(10) unsigned NOT NULL,
  `is_user_profile` tinyint(1) unsigned,
  `title` varchar(50),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `softkeys` (
  `profile_id` int(10) unsigned,
  `phone_type` varchar(20),
  `key` varchar(10),
  `function` varchar(15),
  `data` varchar(100),
  `label` varchar(40),
  `user_writeable` tinyint(1) unsigned
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE `pickupgroups` (
  `id` int(10) unsigned NOT NULL,
  `title` varchar(50),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `pickupgroups_users` (
  `group_id` int(10) unsigned NOT NULL,
  `user_id` int(10) unsigned NOT NULL,
  PRIMARY KEY (`group_id`,`user_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `ivrs` (
  `id` int(10) unsigned NOT NULL,
  `name` varchar(10),
  `host_id` mediumint(8) unsigned,
  `title` varchar(50),
  `announcement` int(10) unsigned,
  `timeout` smallint(5) unsigned,
  `retry` tinyint(3) unsigned,
  `key_0_type` varchar(20),
  `key_0_value` varchar(50),
  `key_1_type` varchar(20),
  `key_1_value` varchar(50),
  `key_2_type` varchar(20),
  `key_2_value` varchar(50),
  `key_3_type` varchar(20),
  `key_3_value` varchar(50),
  `key_4_type` varchar(20),
  `key_4_value` varchar(50),
  `key_5_type` varchar(20),
  `key_5_value` varchar(50),
  `key_6_type` varchar(20),
  `key_6_value` varchar(50),
  `key_7_type` varchar(20),
  `key_7_value` varchar(50),
  `key_8_type` varchar(20),
  `key_8_value` varchar(50),
  `key_9_type` varchar(20),
  `key_9_value` varchar(50),
  `key_star_type` varchar(20),
  `key_star_value` varchar(50),
  `key_pound_type` varchar(20),
  `key_pound_value` varchar(50),
  `t_action_type` varchar(20),
  `t_action_value` varchar(50),
  `i_action_type` varchar(20),
  `i_action_value` varchar(50),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `systemrecordings` (
  `id` int(10) unsigned NOT NULL,
  `date` timestamp,
  `md5hashname` char(32),
  `description` varchar(150),
  `length` int(10) unsigned,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `vm` (
  `user_id` int(10) unsigned NOT NULL,
  `internal_active` tinyint(1) unsigned,
  `external_active` tinyint(1) unsigned,
  `email_notify` tinyint(1) unsigned,
  PRIMARY KEY (`user_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `vm_msgs` (
  `id` int(10) unsigned NOT NULL,
  `host_id` mediumint(8) unsigned,
  `mbox` varchar(8),
  `user_id` int(10) unsigned,
  `orig_mbox` varchar(8),
  `folder` varchar(10),
  `file` varchar(10),
  `orig_time` int(10) unsigned,
  `dur` smallint(5) unsigned,
  `callerchan` varchar(40),
  `cidnum` varchar(25),
  `cidname` varchar(30),
  `listened_to` tinyint(1) unsigned,
  PRIMARY KEY (`id`),
  KEY `user_id` (`user_id`)
) ENGINE=MyISAM DEFAULT CHARSET=utf8;

CREATE TABLE `vm_rec_messages` (
  `id` int(10) unsigned NOT NULL,
  `_user_id` int(10) unsigned,
  `vm_rec_file` varchar(80),
  `vm_comment` varchar(180),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `conferences` (
  `ext` varchar(10) NOT NULL,
  `host_id` mediumint(8) unsigned,
  PRIMARY KEY (`ext`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `hosts` (
  `id` mediumint(8) unsigned NOT NULL,
  `host` varchar(15),
  `comment` varchar(50),
  `is_foreign` tinyint(1) unsigned,
  `group_id` mediumint(8) unsigned,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `host_params` (
  `host_id` mediumint(8) unsigned NOT NULL,
  `param` varchar(25) NOT NULL,
  `value` varchar(100),
  PRIMARY KEY (`host_id`,`param`)
) ENGINE=MyISAM DEFAULT CHARSET=utf8;

CREATE TABLE `pb_prv` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `user_id` int(10) unsigned,
  `firstname` varchar(40),
  `lastname` varchar(40),
  `number` varchar(25),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE `users_external_numbers` (
  `user_id` int(10) unsigned,
  `number` varchar(25)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `wakeup_calls` (
  `target` varchar(16) NOT NULL,
  `hour` tinyint(2) unsigned,
  `minute` tinyint(2) unsigned,
  PRIMARY KEY (`target`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `ast_cdr` (
  `_id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `calldate` datetime,
  `uniqueid` varchar(32),
  `clid` varchar(80),
  `src` varchar(30),
  `dst` varchar(30),
  `dcontext` varchar(50),
  `channel` varchar(60),
  `dstchannel` varchar(60),
  `lastapp` varchar(30),
  `lastdata` varchar(80),
  `duration` mediumint(8) unsigned,
  `billsec` mediumint(8) unsigned,
  `disposition` varchar(15),
  `amaflags` tinyint(3) unsigned,
  `accountcode` varchar(25),
  `userfield` varchar(255),
  PRIMARY KEY (`_id`)
) ENGINE=MyISAM DEFAULT CHARSET=utf8;

CREATE TABLE `dial_log` (
  `user_id` int(10) unsigned,
  `type` enum('in','out','missed','queue'),
  `timestamp` int(10) unsigned,
  `number` varchar(50),
  `remote_name` varchar(50),
  `remote_user_id` int(10) unsigned,
  KEY `user_id` (`user_id`)
) ENGINE=MyISAM DEFAULT CHARSET=utf8;

CREATE TABLE `fax_numbers` (
  `id` int(10) unsigned NOT NULL,
  `name` varchar(50),
  `extension` varchar(16),
  `tsi` varchar(30),
  `headline` varchar(50),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `hunt_groups` (
  `id` int(10) unsigned NOT NULL,
  `extension` varchar(16),
  `title` varchar(50),
  `strategy` varchar(20),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE `hunt_group_members` (
  `hunt_group_id` int(10) unsigned NOT NULL,
  `position` int(10) unsigned NOT NULL,
  `extension` varchar(16),
  PRIMARY KEY (`hunt_group_id`,`position`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;
