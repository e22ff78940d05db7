package legacy

import "strings"

// known lists the tables and columns of 4.5 that this package knows, whether it reads them or leaves them on purpose. All others are
// reported when they hold rows. It is held against packaging/legacy45/schema.sql by a test.
const known = `
ast_cdr: _id calldate uniqueid clid src dst dcontext channel dstchannel lastapp lastdata duration billsec disposition amaflags accountcode
	userfield
ast_queue_members: queue_name _queue_id interface _user_id penalty static uniqueid paused
ast_queues: _id name _host_id _title musicclass _sysrec_id timeout periodic_announce_frequency announce_frequency announce_holdtime retry
	wrapuptime maxlen strategy joinempty leavewhenempty ringinuse memberdelay weight _min_agents
ast_sipfriends: _user_id name secret host context callerid mailbox setvar language
ast_voicemail: _uniqueid _user_id mailbox context password email fullname tz attach delete uniqueid
callblocking: id user_id regexp pin
callforwards: user_id source case timeout number_std number_var number_vml vm_rec_id active
callwaiting: user_id active
cf_parallelcall: id _user_id number
cf_timerules: id ord _user_id d_mo d_tu d_we d_th d_fr d_sa d_su h_from h_to target
clir: user_id internal_restrict external_restrict
conferences: ext host_id
dial_log: user_id type timestamp number remote_name remote_user_id
dnd: _user_id active
fax_numbers: id name extension tsi headline
gate_cids: grp_id cid_int cid_ext
gate_grps: id name title type allow_in in_dest_search in_dest_replace in_cid_search in_cid_replace out_cid_search out_cid_replace
gate_params: gate_id param value
gates: id grp_id type name title allow_out dialstr host proxy user pwd register hw_port
group_connections: type group key connection
group_includes: group member
group_members: group member
group_permissions: type group permit
groups: id name title type
host_params: host_id param value
hosts: id host comment is_foreign group_id
hunt_group_members: hunt_group_id position extension
hunt_groups: id extension title strategy
ivrs: id name host_id title announcement timeout retry key_0_type key_0_value key_1_type key_1_value key_2_type key_2_value key_3_type
	key_3_value key_4_type key_4_value key_5_type key_5_value key_6_type key_6_value key_7_type key_7_value key_8_type key_8_value key_9_type
	key_9_value key_star_type key_star_value key_pound_type key_pound_value t_action_type t_action_value i_action_type i_action_value
pb_prv: id user_id firstname lastname number
penalties: _queue_id _user_id _host_id penalty
phones: id type mac_addr user_id nobody_index added firmware_cur fw_manual_update expansion_modules
pickupgroups: id title
pickupgroups_users: group_id user_id
prov_param_profiles: id is_group_profile title
prov_params: profile_id phone_type param index value
queue_callforwards: queue_id source case timeout number_std number_var number_vml vm_rec_id active
queue_cf_parallelcall: id _queue_id number
queue_cf_timerules: id _queue_id ord d_mo d_tu d_we d_th d_fr d_sa d_su h_from h_to target
ringtones: user_id src bellcore file
routes: id active ord pattern d_mo d_tu d_we d_th d_fr d_sa d_su h_from h_to user_grp_id gw_grp_id_1 gw_grp_id_2 gw_grp_id_3 lcrprfx descr
routes_in: id gate_grp_id active ord pattern d_mo d_tu d_we d_th d_fr d_sa d_su h_from h_to to_ext descr
softkey_profiles: id is_user_profile title
softkeys: profile_id phone_type key function data label user_writeable
systemrecordings: id date md5hashname description length
user_groups: id lft rgt name title softkey_profile_id prov_param_profile_id show_ext_modules
users: id user pin firstname lastname honorific email nobody_index host_id current_ip user_comment group_id softkey_profile_id
	prov_param_profile_id hotdescable
users_external_numbers: user_id number
vm: user_id internal_active external_active email_notify
vm_msgs: id host_id mbox user_id orig_mbox folder file orig_time dur callerchan cidnum cidname listened_to
vm_rec_messages: id _user_id vm_rec_file vm_comment
wakeup_calls: target hour minute
`

// knownColumns parses known: table to its columns.
func knownColumns() map[string][]string {
	out := map[string][]string{}
	table := ""
	for word := range strings.FieldsSeq(known) {
		if name, isTable := strings.CutSuffix(word, ":"); isTable {
			table = name
			out[table] = nil
			continue
		}
		out[table] = append(out[table], word)
	}
	return out
}

// needed are the tables and columns without which there are no accounts.
func needed() map[string][]string {
	return map[string][]string{
		"users":          {"id", "user"},
		"ast_sipfriends": {"_user_id", "name", "secret"},
	}
}
