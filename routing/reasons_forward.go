package routing

// forwardWords are the words about profiles and their rules.
func (c code) forwardWords() wording {
	switch c {
	case cProfileChosen:
		return wording{"profile_chosen", "Für {n} gilt das Rufumleitungsprofil {rule}.", "Forwarding profile {rule} is active for {n}.", numberProfile}
	case cProfileChosenUntil:
		return wording{
			"profile_chosen_until", "Für {n} gilt bis zum nächsten Wechsel des Zeitplans das von Hand gewählte Rufumleitungsprofil {rule}.",
			"Forwarding profile {rule}, chosen by hand, is active for {n} until its schedule changes next.", numberProfile,
		}
	case cProfileScheduled:
		return wording{"profile_scheduled", "Für {n} gilt nach Zeitplan das Rufumleitungsprofil {rule}.", "Forwarding profile {rule} is active for {n} by schedule.", numberSchedule}
	case cNoProfile:
		return wording{"no_profile", "Für {n} gilt zu dieser Zeit kein Rufumleitungsprofil.", "No forwarding profile is active for {n} at this time.", numberSchedule}
	case cRuleForward:
		return wording{"rule_forward", "{rule}: {n} ist umgeleitet zu {text}.", "{rule}: {n} is forwarded to {text}.", ruleField}
	case cRuleParallel:
		return wording{"rule_parallel", "{rule}: für {n} klingelt auch {to}.", "{rule}: {to} rings for {n} as well.", ruleField}
	case cRuleReject:
		return wording{"rule_reject", "{rule}: Anrufe für {n} werden abgewiesen.", "{rule}: calls to {n} are rejected.", ruleField}
	case cRuleVoicemail:
		return wording{
			"rule_voicemail", "{rule}: der Anrufbeantworter ist noch nicht verfügbar; es geht weiter, als gäbe es die Regel nicht.",
			"{rule}: voicemail is not available yet; the call goes on as if there were no such rule.", ruleField,
		}
	case cRuleAnnouncement:
		return wording{
			"rule_announcement", "{rule}: Ansagen sind noch nicht verfügbar; es geht weiter, als gäbe es die Regel nicht.",
			"{rule}: announcements are not available yet; the call goes on as if there were no such rule.", ruleField,
		}
	case cRuleAllow:
		return wording{"rule_allow", "{rule}: {n} klingelt ohne Umleitung.", "{rule}: {n} rings without being forwarded.", ruleField}
	case cForwardToCaller:
		return wording{
			"forward_to_caller", "{rule}: der Anrufer selbst ist das Ziel {text}; die Umleitung gilt für ihn nicht.",
			"{rule}: the caller is the target {text} himself; the forward does not apply to him.", ruleField,
		}
	case cForwardGone:
		return wording{
			"forward_gone", "{rule}: das Ziel {text} gibt es nicht; es geht weiter, als gäbe es die Regel nicht.",
			"{rule}: there is no target {text}; the call goes on as if there were no such rule.", ruleField,
		}
	case cForwardUnsupported:
		return wording{
			"forward_unsupported", "{rule}: das Ziel {text} kann noch keine Anrufe annehmen; es geht weiter, als gäbe es die Regel nicht.",
			"{rule}: the target {text} cannot take calls yet; the call goes on as if there were no such rule.", ruleField,
		}
	case cForwardNoTrunk:
		return wording{
			"forward_no_trunk", "{rule}: zum Ziel {text} führt keine Anbindung; es geht weiter, als gäbe es die Regel nicht.",
			"{rule}: no trunk leads to the target {text}; the call goes on as if there were no such rule.", ruleField,
		}
	case cForwardBlocked:
		return wording{
			"forward_blocked", "{rule}: {owner} darf das Ziel {text} nicht wählen; es geht weiter, als gäbe es die Regel nicht.",
			"{rule}: {owner} may not dial the target {text}; the call goes on as if there were no such rule.", ruleField,
		}
	case cForwardLoop:
		return wording{
			"forward_loop", "{rule}: die Umleitungen laufen im Kreis, bei {text} war der Anruf schon; er endet.",
			"{rule}: the forwards go in a circle, the call has been at {text} before; it ends.", ruleField,
		}
	case cForwardHops:
		return wording{
			"forward_hops", "{rule}: nach zehn Umleitungen wird nicht weiter zu {text} umgeleitet; der Anruf endet.",
			"{rule}: after ten forwards the call is not forwarded on to {text}; it ends.", ruleField,
		}
	case cNoProfileUntil:
		return wording{
			"no_profile_until", "Für {n} ist von Hand kein Rufumleitungsprofil gewählt; das gilt bis zum nächsten Wechsel des Zeitplans.",
			"No forwarding profile is chosen by hand for {n}; that holds until its schedule changes next.", numberProfile,
		}
	case cSlotForwarded:
		return wording{"slot_forwarded", "Slot {s} klingelt nicht: {n} ist umgeleitet.", "Slot {s} does not ring: {n} is forwarded.", noSetting}
	case cSlotRejected:
		return wording{"slot_rejected", "Slot {s} klingelt nicht: Anrufe für {n} werden abgewiesen.", "Slot {s} does not ring: calls to {n} are rejected.", noSetting}
	case cSlotRingsAlready:
		return wording{
			"slot_rings_already", "Slot {s} klingelt schon für eine andere Nummer dieses Anrufs.",
			"Slot {s} rings already for another number of this call.", noSetting,
		}
	case cParallelAgain:
		return wording{"parallel_again", "{text} klingelt nicht mit: die Nummer ist am Anruf schon beteiligt.", "{text} does not ring as well: it is part of the call already.", noSetting}
	case cParallelGone:
		return wording{"parallel_gone", "{text} klingelt nicht mit: diese Nummer gibt es nicht.", "{text} does not ring as well: there is no such number.", noSetting}
	case cParallelUnsupported:
		return wording{"parallel_unsupported", "{text} klingelt nicht mit: die Nummer gehört keinem Benutzer.", "{text} does not ring as well: the number belongs to no user.", noSetting}
	case cParallelNobody:
		return wording{
			"parallel_nobody", "{rule}: {to} kann nicht mitklingeln; es geht weiter, als gäbe es die Regel nicht.",
			"{rule}: {to} cannot ring as well; the call goes on as if there were no such rule.", ruleField,
		}
	case cParallelNoTrunk:
		return wording{"parallel_no_trunk", "{text} klingelt nicht mit: keine Anbindung führt dorthin.", "{text} does not ring as well: no trunk leads there.", noSetting}
	case cParallelBlocked:
		return wording{"parallel_blocked", "{text} klingelt nicht mit: {owner} darf die Nummer nicht wählen.", "{text} does not ring as well: {owner} may not dial it.", noSetting}
	default:
		return c.laterWords()
	}
}

// laterWords are the words about what comes when nobody answers, and about rules for the whole system.
func (c code) laterWords() wording {
	switch c {
	case cThenBusy:
		return wording{"then_busy", "Ist überall besetzt, gilt {rule}: {to}.", "If all are busy {rule} applies: {to}.", ruleField}
	case cThenNoAnswer:
		return wording{"then_no_answer", "Antwortet niemand innerhalb von {count} Sekunden, gilt {rule}: {to}.", "If nobody answers within {count} seconds {rule} applies: {to}.", ruleField}
	case cThenUnregistered:
		return wording{"then_not_registered", "Ist niemand erreichbar, gilt {rule}: {to}.", "If nobody can be reached {rule} applies: {to}.", ruleField}
	case cAfterBusy:
		return wording{"after_busy", "Für {n} war besetzt.", "{n} was busy.", noSetting}
	case cAfterNoAnswer:
		return wording{"after_no_answer", "Für {n} hat niemand geantwortet.", "Nobody answered for {n}.", noSetting}
	case cAfterUnregistered:
		return wording{"after_not_registered", "Für {n} war niemand erreichbar.", "Nobody could be reached for {n}.", noSetting}
	case cSystemForward:
		return wording{"system_forward", "Systemweite Rufumleitung {rule}: {text} ist umgeleitet zu {to}.", "System-wide forwarding {rule}: {text} is forwarded to {to}.", ruleField}
	case cSystemReject:
		return wording{"system_reject", "Systemweite Rufumleitung {rule}: Anrufe für {text} werden abgewiesen.", "System-wide forwarding {rule}: calls to {text} are rejected.", ruleField}
	case cSystemAllow:
		return wording{"system_allow", "Systemweite Rufumleitung {rule}: {text} ist von den folgenden Regeln ausgenommen.", "System-wide forwarding {rule}: {text} is exempt from the rules that follow.", ruleField}
	case cSystemVoicemail:
		return wording{
			"system_voicemail", "Systemweite Rufumleitung {rule}: der Anrufbeantworter ist noch nicht verfügbar; es geht weiter, als gäbe es die Regel nicht.",
			"System-wide forwarding {rule}: voicemail is not available yet; the call goes on as if there were no such rule.", ruleField,
		}
	case cSystemAnnouncement:
		return wording{
			"system_announcement", "Systemweite Rufumleitung {rule}: Ansagen sind noch nicht verfügbar; es geht weiter, als gäbe es die Regel nicht.",
			"System-wide forwarding {rule}: announcements are not available yet; the call goes on as if there were no such rule.", ruleField,
		}
	case cHunt:
		return wording{"hunt", "{n} ist {owner}; Mitglieder: {count}.", "{n} is {owner}; members: {count}.", huntMembers}
	case cHuntMember:
		return wording{"hunt_member", "{owner}: {text} ist an der Reihe.", "{owner}: it is the turn of {text}.", huntMembers}
	case cHuntMemberGone:
		return wording{"hunt_member_gone", "{owner}: das Mitglied {text} ist keine Nummer eines Benutzers; es wird übergangen.", "{owner}: member {text} is no number of a user; it is passed over.", huntMembers}
	case cHuntAgain:
		return wording{"hunt_again", "{owner}: nach {count} Sekunden kommen alle Mitglieder noch einmal an die Reihe.", "{owner}: after {count} seconds all members have their turn again.", noSetting}
	case cHuntBusy:
		return wording{"hunt_busy", "{owner}: alle Mitglieder sind besetzt.", "{owner}: all members are busy.", noSetting}
	case cHuntNoAnswer:
		return wording{"hunt_no_answer", "{owner}: niemand hat geantwortet.", "{owner}: nobody has answered.", noSetting}
	case cHuntUnregistered:
		return wording{"hunt_not_registered", "{owner}: kein Mitglied ist erreichbar.", "{owner}: no member can be reached.", noSetting}
	default:
		return c.codeWords()
	}
}

// codeWords are the words about what the caller shows and dials.
func (c code) codeWords() wording {
	switch c {
	case cCallerListed:
		return wording{
			"caller_listed", "Slot {s} von {suser} ruft über {n} an und zeigt wie gewünscht {text} aus der Liste der intern angezeigten Rufnummern.",
			"Slot {s} of {suser} calls over {n} and shows {text} from the list of numbers shown inside, as wanted.", userShownInside,
		}
	case cCallerListedOutside:
		return wording{
			"caller_listed_outside", "Slot {s} von {suser} ruft über {n} an und zeigt wie gewünscht {text} aus der Liste der extern angezeigten Rufnummern.",
			"Slot {s} of {suser} calls over {n} and shows {text} from the list of numbers shown outside, as wanted.", userShownOutside,
		}
	case cHiddenOnce:
		return wording{"hidden_once", "Für diesen Anruf ist die Rufnummer unterdrückt.", "The number is suppressed for this call.", noSetting}
	case cHiddenInside:
		return wording{"hidden_inside", "{suser} unterdrückt die Rufnummer für Anrufe nach innen.", "{suser} suppresses the number on calls inside.", userHideInside}
	case cHiddenOutside:
		return wording{"hidden_outside", "{suser} unterdrückt die Rufnummer für Anrufe nach außen.", "{suser} suppresses the number on calls outside.", userHideOutside}
	case cBlocked:
		return wording{"blocked", "{suser} darf {text} nicht wählen (Anrufsperre).", "{suser} may not dial {text} (call blocking).", userBlocks}
	case cBlockedNoPIN:
		return wording{"blocked_no_pin", "{suser} darf {text} nur mit PIN wählen (Anrufsperre) und hat keine PIN.", "{suser} may dial {text} with a PIN only (call blocking) and has none.", userPIN}
	case cPINNeeded:
		return wording{"pin_needed", "{suser} darf {text} nur mit PIN wählen (Anrufsperre): sie wird abgefragt.", "{suser} may dial {text} with the PIN only (call blocking): it is asked for.", userBlocks}
	case cPINGiven:
		return wording{"pin_given", "{suser} darf {text} nur mit PIN wählen (Anrufsperre): sie wurde eingegeben.", "{suser} may dial {text} with the PIN only (call blocking): it was keyed in.", userBlocks}
	case cEmergency:
		return wording{"emergency", "{text} ist ein Notruf und geht immer hinaus.", "{text} is an emergency call and always goes out.", noSetting}
	case cOutsideRings:
		return wording{"outside_rings", "{text} wird über die Anbindung gerufen.", "{text} is called over the trunk.", noSetting}
	case cTransit:
		return wording{"transit", "{text} ist eine Nummer außerhalb; Anrufe von außen gehen nur durch eine Umleitung wieder hinaus.", "{text} is an outside number; calls from outside go out again through a forward only.", noSetting}
	case cSlotMobileRings:
		return wording{"slot_mobile_rings", "Slot {s} klingelt über die Anbindung.", "Slot {s} rings over the trunk.", slotMobileNumber}
	case cSlotMobileNoNumber:
		return wording{"slot_mobile_no_number", "Slot {s} klingelt nicht: er hat keine Nummer außerhalb.", "Slot {s} does not ring: it has no outside number.", slotMobileNumber}
	case cCode:
		return wording{"code", "{text} ist ein Funktionscode: {what}.", "{text} is a function code: {what}.", codeOfAction}
	case cCodeOutside:
		return wording{"code_outside", "{text} ist ein Funktionscode; Anrufer von außen können ihn nicht benutzen.", "{text} is a function code, which callers from outside cannot use.", noSetting}
	case cCodeIncomplete:
		return wording{"code_incomplete", "Nach dem Funktionscode {text} fehlt die Rufnummer.", "The number after the function code {text} is missing.", codeOfAction}
	case cNoSuchCode:
		return wording{"no_such_code", "Den Funktionscode {text} gibt es nicht.", "There is no function code {text}.", noSetting}
	case cPickupGroup:
		return wording{"pickup_group", "Herangeholt werden kann ein Anruf, der bei {count} Nummern der Rufannahmegruppen klingelt.", "A call that rings at one of {count} numbers of the pickup groups can be picked up.", pickupGroups}
	case cPickupNoGroup:
		return wording{"pickup_no_group", "{suser} gehört zu keiner Rufannahmegruppe.", "{suser} belongs to no pickup group.", noSetting}
	case cPickupOwn:
		return wording{"pickup_own", "{n} ist eine eigene Nummer; ein Anruf, der dort klingelt, kann herangeholt werden.", "{n} is a number of one's own; a call that rings there can be picked up.", noSetting}
	case cPickupTogether:
		return wording{"pickup_together", "{owner} gehört zur selben Rufannahmegruppe; ein Anruf für {n} kann herangeholt werden.", "{owner} belongs to the same pickup group; a call to {n} can be picked up.", pickupGroups}
	case cPickupAllowed:
		return wording{"pickup_allowed", "Ein Anruf für {n} kann herangeholt werden: die Berechtigung „pickup“ erlaubt es.", "A call to {n} can be picked up: the permission “pickup” allows it.", noSetting}
	case cPickupForbidden:
		return wording{"pickup_forbidden", "Anrufe für {n} können nicht herangeholt werden: keine gemeinsame Rufannahmegruppe und keine Berechtigung.", "Calls to {n} cannot be picked up: no pickup group in common and no permission.", noSetting}
	default:
		return wording{}
	}
}

// doing says what an action does, for {to}.
func doing(a *Action, german bool) string {
	list := ""
	for i, n := range a.Numbers {
		if i > 0 {
			list += ", "
		}
		list += n
	}
	switch a.Kind {
	case Forward:
		return a.Number
	case Parallel:
		return list
	case Reject:
		if german {
			return "abweisen"
		}
		return "reject"
	}
	return string(a.Kind)
}

// CodeMeaning says in German and English what the function code of an action is for. An action that is not known stands for itself.
func CodeMeaning(action string) (de, en string) {
	words, ok := map[string][2]string{
		CodeForwardTo:      {"Rufumleitung zu einer Nummer", "forward to a number"},
		CodeForwardOn:      {"Rufumleitung ein", "forwarding on"},
		CodeForwardOff:     {"Rufumleitung aus", "forwarding off"},
		CodeProfile:        {"Rufumleitungsprofil wählen", "choose a forwarding profile"},
		CodeDNDOn:          {"Nicht stören ein", "do not disturb on"},
		CodeDNDOff:         {"Nicht stören aus", "do not disturb off"},
		CodeWaitingOn:      {"Anklopfen ein", "call waiting on"},
		CodeWaitingOff:     {"Anklopfen aus", "call waiting off"},
		CodePickupGroup:    {"Anruf der Gruppe heranholen", "pick up a call of the group"},
		CodePickupNumber:   {"Anruf einer Nummer heranholen", "pick up the call of a number"},
		CodeShowNumber:     {"Rufnummer für diesen Anruf zeigen", "show a number on this call"},
		CodeHideNumber:     {"Rufnummer für diesen Anruf unterdrücken", "suppress the number on this call"},
		CodeHideNumbersOn:  {"Rufnummer nach außen unterdrücken", "suppress the number on calls outside"},
		CodeHideNumbersOff: {"Rufnummer nach außen zeigen", "show the number on calls outside"},
		CodeEcho:           {"Testanruf (Echo)", "test call (echo)"},
		CodeOwnNumber:      {"eigene Nummer ansagen", "tell one's own number"},
	}[action]
	if !ok {
		return action, action
	}
	return words[0], words[1]
}
