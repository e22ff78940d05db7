-- The example company on 4.5: thirteen accounts, four people of whom are there three times. A fixture of tests; see README.md.
SET NAMES utf8;

INSERT INTO `hosts` (`id`, `host`, `comment`, `is_foreign`, `group_id`) VALUES (1, '192.0.2.45', 'telephone system', 0, 1);
INSERT INTO `host_params` (`host_id`, `param`, `value`) VALUES (1, 'version', '4.5.0.10');

INSERT INTO `user_groups` (`id`, `lft`, `rgt`, `name`, `title`, `softkey_profile_id`, `prov_param_profile_id`, `show_ext_modules`) VALUES
  (1, 1, 6, 'musterfirma', 'Musterfirma', 1, 1, 0),
  (2, 2, 3, 'verwaltung', 'Verwaltung', NULL, NULL, 0),
  (3, 4, 5, 'lager', 'Lager', NULL, 2, 0);
INSERT INTO `prov_param_profiles` (`id`, `is_group_profile`, `title`) VALUES (1, 1, 'Musterfirma'), (2, 1, 'Lager');
INSERT INTO `prov_params` (`profile_id`, `phone_type`, `param`, `index`, `value`) VALUES
  (1, 'snom-370', 'tone_scheme', 0, 'GER'), (2, 'snom-370', 'vol_ringer', 0, '15');
INSERT INTO `softkey_profiles` (`id`, `is_user_profile`, `title`) VALUES (1, 0, 'Musterfirma'), (2, 1, 'armin.artmann');
INSERT INTO `softkeys` (`profile_id`, `phone_type`, `key`, `function`, `data`, `label`, `user_writeable`) VALUES
  (1, 'snom-370', 'f1', '_login', '', 'Anmelden', 0),
  (2, 'snom-370', 'f2', '_dial', '417', 'Büro Immsee', 1),
  (2, 'snom-370', 'f3', '_dial', '413', 'Sandra', 1);

INSERT INTO `users` (`id`, `user`, `pin`, `firstname`, `lastname`, `honorific`, `email`, `nobody_index`, `host_id`, `current_ip`, `user_comment`, `group_id`, `softkey_profile_id`, `prov_param_profile_id`, `hotdescable`) VALUES
  (1, 'nobody-00001', '', '', '', '', '', 1, 1, '', '', NULL, NULL, NULL, 0),
  (2, 'nobody-00002', '', '', '', '', '', 2, 1, '', '', NULL, NULL, NULL, 0),
  (10, 'supervisor', '583920', 'Richard', 'Rudolf', '', 'richard.rudolf@musterfirma.example', NULL, 1, '192.0.2.110', '', 2, NULL, NULL, 1),
  (11, 'armin.artmann', '471163', 'Armin', 'Artmann', '', 'armin.artmann@musterfirma.example', NULL, 1, '192.0.2.116', 'Geschäftsleitung', 2, 2, NULL, 1),
  (12, 'armin.artmann.d', '471163', 'Armin', 'Artmann', '', 'armin.artmann@musterfirma.example', NULL, 1, '192.0.2.161', '', 2, NULL, NULL, 1),
  (13, 'armin.artmann.m', '471163', 'Armin', 'Artmann', '', 'armin.artmann@musterfirma.example', NULL, 1, '', '', 2, NULL, NULL, 1),
  (14, 'iris.immsee', '902715', 'Iris', 'Immsee', 'Dr.', 'iris.immsee@musterfirma.example', NULL, 1, '192.0.2.117', '', 2, NULL, NULL, 1),
  (15, 'iris.immsee.d', '902715', 'Iris', 'Immsee', 'Dr.', 'iris.immsee@musterfirma.example', NULL, 1, '192.0.2.171', '', 2, NULL, NULL, 1),
  (16, 'iris.immsee.m', '902715', 'Iris', 'Immsee', 'Dr.', 'iris.immsee@musterfirma.example', NULL, 1, '', '', 2, NULL, NULL, 1),
  (17, 'ralf.ranke', '1234', 'Ralf', 'Ranke', '', 'ralf.ranke@musterfirma.example', NULL, 1, '192.0.2.114', '', 3, NULL, NULL, 1),
  (18, 'ralf.ranke.d', '1234', 'Ralf', 'Ranke', '', 'ralf.ranke@musterfirma.example', NULL, 1, '192.0.2.141', '', 3, NULL, NULL, 1),
  (19, 'ralf.ranke.m', '1234', 'Ralf', 'Ranke', '', 'ralf.ranke@musterfirma.example', NULL, 1, '', '', 3, NULL, NULL, 1),
  (20, 'sandra.singer', '660418', 'Sandra', 'Singer', '', 'sandra.singer@musterfirma.example', NULL, 1, '192.0.2.113', '', 2, NULL, NULL, 1),
  (21, 'sandra.singer.d', '660418', 'Sandra', 'Singer', '', 'sandra.singer@musterfirma.example', NULL, 1, '192.0.2.131', '', 2, NULL, NULL, 1),
  (22, 'sandra.singer.m', '660418', 'Sandra', 'Singer', '', 'sandra.singer@musterfirma.example', NULL, 1, '', '', 2, NULL, NULL, 1);

INSERT INTO `ast_sipfriends` (`_user_id`, `name`, `secret`, `host`, `context`, `callerid`, `mailbox`, `setvar`, `language`) VALUES
  (1, '950001', 'fixtureidle00001', 'dynamic', 'from-internal-nobody', '', NULL, '', 'de'),
  (2, '950002', 'fixtureidle00002', 'dynamic', 'from-internal-nobody', '', NULL, '', 'de'),
  (10, '410', 'fixture-s3cr-410', 'dynamic', 'from-internal-users', 'Richard Rudolf <410>', '410', '__user_id=10', 'de'),
  (11, '416', 'fixture-s3cr-416', 'dynamic', 'from-internal-users', 'Armin Artmann <416>', '416', '__user_id=11', 'de'),
  (12, '4161', 'fixture-s3c-4161', 'dynamic', 'from-internal-users', 'Armin Artmann <4161>', '4161', '__user_id=12', 'de'),
  (13, '4162', 'fixture-s3c-4162', 'dynamic', 'from-internal-users', 'Armin Artmann <4162>', '4162', '__user_id=13', 'de'),
  (14, '417', 'fixture-s3cr-417', 'dynamic', 'from-internal-users', 'Dr. Iris Immsee <417>', '417', '__user_id=14', 'en'),
  (15, '4171', 'fixture-s3c-4171', 'dynamic', 'from-internal-users', 'Dr. Iris Immsee <4171>', '4171', '__user_id=15', 'en'),
  (16, '4172', 'fixture-s3c-4172', 'dynamic', 'from-internal-users', 'Dr. Iris Immsee <4172>', '4172', '__user_id=16', 'en'),
  (17, '414', 'fixture-s3cr-414', 'dynamic', 'from-internal-users', 'Ralf Ranke <414>', '414', '__user_id=17', 'de'),
  (18, '4141', 'fixture-s3c-4141', 'dynamic', 'from-internal-users', 'Ralf Ranke <4141>', '4141', '__user_id=18', 'de'),
  (19, '4142', 'fixture-s3c-4142', 'dynamic', 'from-internal-users', 'Ralf Ranke <4142>', '4142', '__user_id=19', 'de'),
  (20, '413', 'fixture-s3cr-413', 'dynamic', 'from-internal-users', 'Sandra Singer <413>', '413', '__user_id=20', 'de'),
  (21, '4131', 'fixture-s3c-4131', 'dynamic', 'from-internal-users', 'Sandra Singer <4131>', '4131', '__user_id=21', 'de'),
  (22, '4132', 'fixture-s3c-4132', 'dynamic', 'from-internal-users', 'Sandra Singer <4132>', '4132', '__user_id=22', 'de');

INSERT INTO `users_external_numbers` (`user_id`, `number`) VALUES
  (13, '01713920001'), (16, '+49 171 3920002'), (19, '00491713920003');

-- Every main account rings its doubles as well.
INSERT INTO `callforwards` (`user_id`, `source`, `case`, `timeout`, `number_std`, `number_var`, `number_vml`, `vm_rec_id`, `active`) VALUES
  (11, 'internal', 'always', 0, '', '', '', NULL, 'par'),
  (11, 'external', 'always', 0, '', '', '', NULL, 'par'),
  (11, 'internal', 'unavail', 25, '417', '', 'vm416', 1, 'vml'),
  (11, 'external', 'unavail', 25, '0171 3920001', '', 'vm416', 1, 'std'),
  (11, 'external', 'busy', 0, '417', '', '', NULL, 'no'),
  (14, 'internal', 'always', 0, '', '', '', NULL, 'par'),
  (14, 'external', 'always', 0, '', '', '', NULL, 'par'),
  (14, 'external', 'unavail', 20, '416', '', '', NULL, 'std'),
  (17, 'internal', 'always', 0, '', '', '', NULL, 'par'),
  (17, 'external', 'always', 0, '', '', '', NULL, 'trl'),
  (20, 'internal', 'offline', 0, '', '430', '', NULL, 'var'),
  (20, 'external', 'busy', 0, '410', '', '', NULL, 'std'),
  (10, 'external', 'unavail', 15, '', '', 'vm410', NULL, 'vml');
INSERT INTO `cf_parallelcall` (`id`, `_user_id`, `number`) VALUES
  (1, 11, '4161'), (2, 11, '4162'), (3, 14, '4171'), (4, 14, '4172'), (5, 17, '4141'), (6, 17, '4142'), (7, 17, '413');
INSERT INTO `cf_timerules` (`id`, `ord`, `_user_id`, `d_mo`, `d_tu`, `d_we`, `d_th`, `d_fr`, `d_sa`, `d_su`, `h_from`, `h_to`, `target`) VALUES
  (1, 1, 17, 1, 1, 1, 1, 1, 0, 0, '18:00:00', '06:00:00', '413'),
  (2, 2, 17, 0, 0, 0, 0, 0, 1, 1, '00:00:00', '24:00:00', '01713920003');

INSERT INTO `callwaiting` (`user_id`, `active`) VALUES (10, 1), (11, 1), (14, 0), (20, 1);
INSERT INTO `dnd` (`_user_id`, `active`) VALUES (15, 'yes'), (11, 'no');
INSERT INTO `clir` (`user_id`, `internal_restrict`, `external_restrict`) VALUES (11, 'no', 'no'), (20, 'no', 'yes'), (17, 'no', 'once');
INSERT INTO `ringtones` (`user_id`, `src`, `bellcore`, `file`) VALUES
  (11, 'internal', 1, NULL), (11, 'external', 3, NULL), (14, 'external', 2, 'glocke.wav');
INSERT INTO `callblocking` (`id`, `user_id`, `regexp`, `pin`) VALUES
  (1, 17, '^0900', ''), (2, 17, '^00', '4711'), (3, 20, '^0190[0-9]{3,}$', ''), (4, 20, '^0(?!800)[89]', '');

INSERT INTO `groups` (`id`, `name`, `title`, `type`) VALUES
  (1, 'users', 'All Users', 'user'),
  (2, 'visible_users', 'All visible users', 'user'),
  (3, 'admin', 'Administratoren', 'user'),
  (4, 'queues', 'All Queues', 'queue'),
  (5, 'vertrieb', 'Vertrieb', 'user'),
  (6, 'zentrale', 'Zentrale', 'user'),
  (7, 'vertrieb_queues', 'Warteschlangen des Vertriebs', 'queue'),
  (8, 'admin_gui', 'Admin-Oberfläche', 'module_gui');
INSERT INTO `group_connections` (`type`, `group`, `key`, `connection`) VALUES
  ('mysql', 1, 'id', 'SELECT `id` FROM `users` WHERE `nobody_index` IS NULL'),
  ('mysql', 4, '_id', 'SELECT `_id` FROM `ast_queues`');
INSERT INTO `group_members` (`group`, `member`) VALUES
  (2, 11), (2, 14), (2, 17), (2, 20), (3, 10), (5, 17), (5, 20), (6, 14), (7, 1), (7, 2), (8, 1001);
INSERT INTO `group_includes` (`group`, `member`) VALUES (6, 5);
INSERT INTO `group_permissions` (`type`, `group`, `permit`) VALUES
  ('login_queues', 5, 7), ('forward_queues', 6, 7), ('phonebook_user', 1, 2), ('sudo_user', 3, 1), ('intercom_call', 6, 5),
  ('override_callforward_call', 6, 1), ('display_module_gui', 3, 8), ('call_stats', 6, 7);

INSERT INTO `pickupgroups` (`id`, `title`) VALUES (1, 'Verwaltung'), (2, 'Lager');
INSERT INTO `pickupgroups_users` (`group_id`, `user_id`) VALUES (1, 11), (1, 14), (1, 20), (2, 17), (2, 18);

INSERT INTO `hunt_groups` (`id`, `extension`, `title`, `strategy`) VALUES (1, '430', 'Zentrale', 'ringall'), (2, '431', 'Vertrieb', 'rrmemory');
INSERT INTO `hunt_group_members` (`hunt_group_id`, `position`, `extension`) VALUES (1, 1, '410'), (1, 2, '417'), (2, 1, '413'), (2, 2, '414');

INSERT INTO `ast_queues` (`_id`, `name`, `_host_id`, `_title`, `musicclass`, `timeout`, `retry`, `wrapuptime`, `maxlen`, `strategy`, `joinempty`, `leavewhenempty`, `ringinuse`, `weight`, `_min_agents`) VALUES
  (1, '440', 1, 'Vertrieb', 'default', 15, 5, 10, 20, 'rrmemory', 'strict', 'yes', 'no', 0, 1),
  (2, '441', 1, 'Technik', 'default', 15, 5, 5, 20, 'leastrecent', 'no', 'no', 'no', 0, 1),
  (3, '442', 1, 'Buchhaltung', 'default', 20, 5, 5, 10, 'ringall', 'no', 'no', 'no', 0, 0);
INSERT INTO `ast_queue_members` (`queue_name`, `_queue_id`, `interface`, `_user_id`, `penalty`, `static`, `uniqueid`, `paused`) VALUES
  ('440', 1, 'SIP/413', 20, 0, 0, 1, 0), ('440', 1, 'SIP/414', 17, 0, 1, 2, 0), ('441', 2, 'SIP/416', 11, 1, 0, 3, 0);
INSERT INTO `penalties` (`_queue_id`, `_user_id`, `_host_id`, `penalty`) VALUES (2, 11, 1, 1);
INSERT INTO `queue_callforwards` (`queue_id`, `source`, `case`, `timeout`, `number_std`, `number_var`, `number_vml`, `active`) VALUES
  (1, 'external', 'timeout', 120, '430', '', '', 'std'), (1, 'external', 'empty', 0, '430', '', '', 'std');

INSERT INTO `fax_numbers` (`id`, `name`, `extension`, `tsi`, `headline`) VALUES
  (7, 'Fax Zentrale', '401', '+49 40 66969 401', 'Musterfirma - Zentrale'),
  (8, 'Fax CEO', '402', '+49 40 66969 402', 'Musterfirma - CEO'),
  (9, 'Fax Buchhaltung', '403', '+49 40 66969 403', 'Musterfirma - Buchhaltung'),
  (10, 'Fax Lager', '404', '+49 40 66969 404', 'Musterfirma - Lager');

INSERT INTO `gate_grps` (`id`, `name`, `title`, `type`, `allow_in`, `in_dest_search`, `in_dest_replace`, `in_cid_search`, `in_cid_replace`, `out_cid_search`, `out_cid_replace`) VALUES
  (1, 'provider', 'Provider', 'balance', 1, '^(?:0049|0)4066969(.*)', '$1', '^\\+?49', '0', '(.*)', '4966969$1'),
  (2, 'filiale', 'Filiale Fulda', 'balance', 1, '', '', '', '', '', '');
INSERT INTO `gates` (`id`, `grp_id`, `type`, `name`, `title`, `allow_out`, `dialstr`, `host`, `proxy`, `user`, `pwd`, `register`, `hw_port`) VALUES
  (1, 1, 'sip', 'gw_1_provider', 'Provider', 1, 'SIP/{number}@{gateway}', '198.51.100.45', '', '4966969', 'fixture-trunk', 1, NULL),
  (2, 2, 'sip', 'gw_2_fulda', 'Fulda', 1, 'SIP/{number}@{gateway}', '198.51.100.46', '', '', '', 0, NULL);
INSERT INTO `gate_params` (`gate_id`, `param`, `value`) VALUES (1, 'fromdomain', 'provider.example'), (1, 'qualify', 'yes');
INSERT INTO `gate_cids` (`grp_id`, `cid_int`, `cid_ext`) VALUES (1, '430', '4966969430');
INSERT INTO `routes` (`id`, `active`, `ord`, `pattern`, `d_mo`, `d_tu`, `d_we`, `d_th`, `d_fr`, `d_sa`, `d_su`, `h_from`, `h_to`, `user_grp_id`, `gw_grp_id_1`, `gw_grp_id_2`, `gw_grp_id_3`, `lcrprfx`, `descr`) VALUES
  (1, 1, 1, '^11[02]$', 1, 1, 1, 1, 1, 1, 1, '00:00:00', '24:00:00', NULL, 1, 0, 0, '', 'Notruf'),
  (2, 1, 2, '^0661', 1, 1, 1, 1, 1, 1, 1, '00:00:00', '24:00:00', NULL, 2, 1, 0, '', 'Fulda'),
  (3, 1, 3, '^0(?=[1-9])', 1, 1, 1, 1, 1, 1, 1, '00:00:00', '24:00:00', NULL, 1, 0, 0, '', 'national'),
  (4, 0, 4, '^00', 1, 1, 1, 1, 1, 0, 0, '08:00:00', '18:00:00', 2, 1, 0, 0, '', 'Ausland');
INSERT INTO `routes_in` (`id`, `gate_grp_id`, `active`, `ord`, `pattern`, `d_mo`, `d_tu`, `d_we`, `d_th`, `d_fr`, `d_sa`, `d_su`, `h_from`, `h_to`, `to_ext`, `descr`) VALUES
  (1, 1, 1, 1, '^(\\d{3,4})$', 1, 1, 1, 1, 1, 1, 1, '00:00:00', '24:00:00', '$1', 'Durchwahl'),
  (2, 1, 1, 2, '^0?$', 1, 1, 1, 1, 1, 1, 1, '00:00:00', '24:00:00', '430', 'Zentrale');

INSERT INTO `phones` (`id`, `type`, `mac_addr`, `user_id`, `nobody_index`, `added`, `firmware_cur`, `fw_manual_update`, `expansion_modules`) VALUES
  (1, 'snom-370', '000413000410', 10, NULL, 1388534400, '8.7.3.25', 0, ''),
  (2, 'snom-370', '000413000416', 11, NULL, 1388534400, '8.7.3.25', 0, ''),
  (3, 'gigaset-n510', '7C2F80004161', 12, NULL, 1388534400, '42.168', 0, ''),
  (4, 'yealink-t42', '001565000417', 14, NULL, 1388534400, '29.71.0.10', 0, ''),
  (5, 'gigaset-n510', '7C2F80004171', 15, NULL, 1388534400, '42.168', 0, ''),
  (6, 'aastra-57i', '00085D000414', 17, NULL, 1388534400, '3.3.1', 0, ''),
  (7, 'gigaset-n510', '7C2F80004141', 18, NULL, 1388534400, '42.168', 0, ''),
  (8, 'polycom-560', '0004F2000413', 20, NULL, 1388534400, '4.0.4', 0, ''),
  (9, 'siemens-os40', '001AE8000431', 21, NULL, 1388534400, 'V2 R2', 0, ''),
  (10, 'snom-370', '000413000999', 1, 1, 1388534400, '8.7.3.25', 0, ''),
  (11, 'grandstream-gxp2130', '000B82000999', 2, 2, 1388534400, '1.0.7', 0, '');

INSERT INTO `vm` (`user_id`, `internal_active`, `external_active`, `email_notify`) VALUES (11, 1, 1, 1), (10, 0, 1, 0);
INSERT INTO `ast_voicemail` (`_uniqueid`, `_user_id`, `mailbox`, `context`, `password`, `email`, `fullname`, `tz`, `attach`, `delete`, `uniqueid`) VALUES
  (1, 11, '416', 'default', '471163', 'armin.artmann@musterfirma.example', 'Armin Artmann', 'germany', 'yes', 'no', '1'),
  (2, 10, '410', 'default', '583920', 'richard.rudolf@musterfirma.example', 'Richard Rudolf', 'germany', 'no', 'no', '2');
INSERT INTO `vm_rec_messages` (`id`, `_user_id`, `vm_rec_file`, `vm_comment`) VALUES (1, 11, 'urlaub.wav', 'Urlaub'), (2, 11, 'feierabend.wav', 'Feierabend');
INSERT INTO `vm_msgs` (`id`, `host_id`, `mbox`, `user_id`, `orig_mbox`, `folder`, `file`, `orig_time`, `dur`, `callerchan`, `cidnum`, `cidname`, `listened_to`) VALUES
  (1, 1, '416', 11, '416', 'INBOX', 'msg0000', 1388534400, 12, 'SIP/x', '0661123', '', 0), (2, 1, '416', 11, '416', 'Old', 'msg0000', 1388534500, 8, 'SIP/x', '417', '', 1);

INSERT INTO `ivrs` (`id`, `name`, `host_id`, `title`, `announcement`, `timeout`, `retry`, `key_1_type`, `key_1_value`, `key_2_type`, `key_2_value`, `t_action_type`, `t_action_value`, `i_action_type`, `i_action_value`) VALUES
  (1, '450', 1, 'Begrüßung', 1, 10, 3, 'extension', '440', 'extension', '441', 'extension', '430', 'repeat', '');
INSERT INTO `systemrecordings` (`id`, `date`, `md5hashname`, `description`, `length`) VALUES
  (1, '2014-01-01 00:00:00', 'd41d8cd98f00b204e9800998ecf8427e', 'Begrüßung', 9);
INSERT INTO `conferences` (`ext`, `host_id`) VALUES ('490', 1);
INSERT INTO `wakeup_calls` (`target`, `hour`, `minute`) VALUES ('410', 6, 30);
INSERT INTO `pb_prv` (`id`, `user_id`, `firstname`, `lastname`, `number`) VALUES
  (1, 11, 'Jürgen', 'Müller', '0661 123456'), (2, 11, 'Anna', 'Groß', '040 66969'), (3, 20, 'Zoë', 'Öztürk', '+43 1 2345');

INSERT INTO `dial_log` (`user_id`, `type`, `timestamp`, `number`, `remote_name`, `remote_user_id`) VALUES
  (11, 'in', 1388534400, '417', 'Iris Immsee', 14), (11, 'out', 1388534460, '0661123456', '', NULL), (11, 'missed', 1388534520, '413', 'Sandra Singer', 20),
  (14, 'out', 1388534400, '416', 'Armin Artmann', 11), (20, 'out', 1388534520, '416', 'Armin Artmann', 11);
INSERT INTO `ast_cdr` (`_id`, `calldate`, `uniqueid`, `clid`, `src`, `dst`, `dcontext`, `channel`, `dstchannel`, `lastapp`, `lastdata`, `duration`, `billsec`, `disposition`, `amaflags`, `accountcode`, `userfield`) VALUES
  (1, '2014-01-01 00:00:00', '1388534400.1', '"Iris Immsee" <417>', '417', '416', 'from-internal-users', 'SIP/417-1', 'SIP/416-2', 'Dial', 'SIP/416', 60, 50, 'ANSWERED', 3, '', ''),
  (2, '2014-01-01 00:01:00', '1388534460.3', '"Armin Artmann" <416>', '416', '0661123456', 'from-internal-users', 'SIP/416-3', 'SIP/gw-4', 'Dial', 'SIP/gw', 30, 0, 'NO ANSWER', 3, '', '');
