package legacy

// Kinds of what stays behind.
const (
	kindCallList      = "call_list"
	kindVoiceMessages = "voicemail_messages"
	kindGreetings     = "greetings"
	kindVoicemail     = "voicemail_boxes"
	kindContacts      = "phone_book_entries"
	kindKeys          = "phone_keys"
	kindRingFile      = "ring_sound_files"
	kindSIPAccount    = "sip_accounts"
	kindBlockPIN      = "blocking_pins"
	kindHonorific     = "honorifics"
	kindComment       = "comments"
	kindOnce          = "hide_number_once"
	kindIdle          = "idle_accounts"
	kindPhone         = "phones"
	kindUnsupported   = "unsupported_phones"
	kindQueue         = "queues"
	kindMenu          = "voice_menus"
	kindRoom          = "conference_rooms"
	kindFaxLine       = "fax_lines"
	kindFaxText       = "fax_identifiers"
	kindForward       = "forwarding_rules"
)

// wording is what is said of a kind.
type wording struct{ name, reason, nameDE, reasonDE string }

const (
	notYet   = "Koppelfeld 5 does not have this yet; it stays in the database of 4.5"
	notYetDE = "Koppelfeld 5 hat das noch nicht; es bleibt in der Datenbank von 4.5"
	by       = "was read and counted; to be entered anew"
	byDE     = "wurde gelesen und gezählt; bitte neu eintragen"
)

// wordings holds name and reason of every kind in English and German.
func wordings() map[string]wording {
	return map[string]wording{
		kindCallList:      {"entries of call lists", "call lists begin anew in 5", "Einträge in Anruflisten", "Anruflisten beginnen in 5 neu"},
		kindVoiceMessages: {"voicemail messages", "recordings are not taken over; listen to them or save them before the upgrade", "Nachrichten auf dem Anrufbeantworter", "Aufnahmen werden nicht übernommen; bitte vorher abhören oder sichern"},
		kindGreetings:     {"personal greetings and announcements", "personal greetings are recorded anew", "persönliche Ansagen", "persönliche Ansagen bitte neu aufnehmen"},
		kindVoicemail:     {"voicemail boxes", notYet, "Anrufbeantworter", notYetDE},
		kindContacts:      {"entries of personal phone books", notYet, "Einträge im persönlichen Telefonbuch", notYetDE},
		kindKeys:          {"keys of phones set by users", "settings of pages and phones are not taken over; set the keys anew", "selbst belegte Tasten", "Einstellungen der Oberfläche und der Telefone werden nicht übernommen; bitte Tasten neu belegen"},
		kindRingFile:      {"ring sounds of one's own", "only the ring sounds that phones know are kept", "eigene Klingeltöne", "nur Klingeltöne, die die Telefone mitbringen, bleiben erhalten"},
		kindSIPAccount:    {"SIP accounts of mobile apps", "a mobile slot is reached by its outside number and has no SIP account; the mobile apps of 4.5 do not work with 5", "SIP-Konten mobiler Apps", "ein Slot für Mobilgeräte wird über seine externe Rufnummer erreicht und hat kein SIP-Konto; die mobilen Apps von 4.5 funktionieren mit 5 nicht"},
		kindBlockPIN:      {"PINs of single call blocks", "a blocked number may be dialled with the user's own PIN", "PINs einzelner Anrufsperren", "gesperrte Rufnummern werden mit der eigenen PIN gewählt"},
		kindHonorific:     {"honorifics", "a user has no field for it", "Titel", "dafür gibt es beim Benutzer kein Feld"},
		kindComment:       {"comments on users", "a user has no field for it", "Bemerkungen zu Benutzern", "dafür gibt es beim Benutzer kein Feld"},
		kindOnce:          {"number suppression for the next call", "holds for one call only", "Rufnummernunterdrückung für den nächsten Anruf", "gilt nur für einen Anruf"},
		kindIdle:          {"accounts of idle phones", "are made by 4.5 for phones at which nobody is logged in; 5 needs none", "Konten unbenutzter Telefone", "legt 4.5 für Telefone ohne Anmeldung an; 5 braucht sie nicht"},
		kindPhone:         {"phones", "stay registered, since number and password stay; setting them up by 5 does not exist yet", "Telefone", "bleiben angemeldet, da Rufnummer und Kennwort gleich bleiben; Einrichtung durch 5 gibt es noch nicht"},
		kindUnsupported:   {"phones that 5 does not support", "the maker is not supported by 5", "Telefone, die 5 nicht unterstützt", "der Hersteller wird von 5 nicht unterstützt"},
		kindQueue:         {"queues", notYet, "Warteschlangen", notYetDE},
		kindMenu:          {"voice menus", notYet, "Sprachmenüs", notYetDE},
		kindRoom:          {"conference rooms", notYet, "Konferenzräume", notYetDE},
		kindFaxLine:       {"fax lines", "the number is kept; sending and receiving, and the rights to it, come with a later version: nobody has a right to a line until it is granted", "Faxanschlüsse", "die Rufnummer bleibt reserviert; Senden, Empfangen und die Rechte dafür kommen später: ohne Zuweisung hat niemand Rechte an einem Faxanschluss"},
		kindFaxText:       {"identifiers and headlines of fax lines", "5 has no place for them yet; the report lists them, so that they can be entered later", "Kennungen und Kopfzeilen von Faxanschlüssen", "5 hat dafür noch keinen Platz; der Bericht führt sie auf, damit sie später eingetragen werden können"},
		kindForward:       {"forwarding rules", "their target does not exist in 5; see the problems", "Regeln zur Rufumleitung", "das Ziel gibt es in 5 nicht; siehe Auffälligkeiten"},
		"call_blocks":     {"call blocks", "the pattern cannot be read by 5; see the problems", "Anrufsperren", "das Muster kann 5 nicht lesen; siehe Auffälligkeiten"},
		"groups":          {"groups of unknown types", "5 has no such groups", "Gruppen unbekannter Art", "solche Gruppen gibt es in 5 nicht"},
		"group_members":   {"members of groups that are no users", notYet, "Mitglieder von Gruppen, die keine Benutzer sind", notYetDE},
		"permissions":     {"permissions", "5 has no such permission; see the problems", "Berechtigungen", "diese Berechtigung gibt es in 5 nicht; siehe Auffälligkeiten"},
		"page_rights":     {"rights to single pages", "the pages of 5 are others", "Rechte auf einzelne Seiten", "die Seiten von 5 sind andere"},
		"queue_agents":    {"agents of queues", notYet, "Agenten in Warteschlangen", notYetDE},
		"queue_overflow":  {"overflow rules of queues", notYet, "Überlauf von Warteschlangen", notYetDE},
		"trunks":          {"trunks", by + " in [[trunk]]", "Leitungen (Gateways)", byDE + ", in [[trunk]]"},
		"trunk_groups":    {"trunk groups", notYet, "Leitungsgruppen", notYetDE},
		"trunk_settings":  {"settings of trunks", notYet, "Einstellungen von Leitungen", notYetDE},
		"routes_out":      {"outgoing routes", notYet, "ausgehende Routen", notYetDE},
		"routes_in":       {"incoming routes", notYet, "eingehende Routen", notYetDE},
		"provisioning":    {"provisioning groups, profiles and parameters", notYet, "Gruppen, Profile und Parameter der Provisionierung", notYetDE},
		"announcements":   {"announcements of the system", "recordings are not taken over", "Ansagen der Anlage", "Aufnahmen werden nicht übernommen"},
		"wakeup_calls":    {"wake-up calls", notYet, "Weckrufe", notYetDE},
		"call_records":    {"call records", "are taken over on request only, and not yet by this version", "Verbindungsdaten (CDRs)", "werden nur auf Wunsch übernommen, von dieser Version noch nicht"},
	}
}

// systemTables says of what kind the rows of tables that go with the whole system are.
func systemTables() map[string]string {
	return map[string]string{
		"ast_queue_members": "queue_agents", "queue_callforwards": "queue_overflow", "queue_cf_timerules": "queue_overflow", "queue_cf_parallelcall": "queue_overflow",
		"gates": "trunks", "gate_grps": "trunk_groups", "gate_params": "trunk_settings", "gate_cids": "trunk_settings", "routes": "routes_out", "routes_in": "routes_in",
		"user_groups": "provisioning", "prov_param_profiles": "provisioning", "prov_params": "provisioning", "softkey_profiles": "provisioning",
		"systemrecordings": "announcements", "wakeup_calls": "wakeup_calls", "ast_cdr": "call_records",
	}
}
