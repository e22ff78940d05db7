package routing

// code names a step of a decision. The order has no meaning outside this file;
// what is stored is the text in codeNames.
type code uint8

const (
	cNone code = iota
	cNotANumber
	cEmergencyNoTrunk
	cOutsideNoTrunk
	cNoSuchNumber
	cUnsupported
	cCallerOutside
	cCallerUnknown
	cCallerNoTick
	cCallerNotTicked
	cCallerWanted
	cCallerDefault
	cCallerFirst
	cRow
	cRowNoTick
	cBusyOnAny
	cLimit
	cSlotRings
	cSlotRingsWaiting
	cSlotNotTicked
	cSlotIsCaller
	cSlotUserDND
	cSlotDND
	cSlotMobileNoTrunk
	cSlotInCall
	cSlotNotRegistered
	cSlotNumberBusy
	cSlotCallRefused
	cSlotLoop
	cCameBack
	cAllBusy
	cNoneRegistered
	// who calls
	cCallerListed
	cCallerListedOutside
	cHiddenOnce
	cHiddenInside
	cHiddenOutside
	cBlocked
	cBlockedNoPIN
	cPINNeeded
	cPINGiven
	// outside
	cEmergency
	cOutsideRings
	cTransit
	cSlotMobileRings
	cSlotMobileNoNumber
	// forwarding
	cProfileChosen
	cProfileChosenUntil
	cProfileScheduled
	cNoProfile
	cNoProfileUntil
	cRuleForward
	cRuleParallel
	cRuleReject
	cRuleVoicemail
	cRuleAnnouncement
	cRuleAllow
	cForwardToCaller
	cForwardGone
	cForwardUnsupported
	cForwardNoTrunk
	cForwardBlocked
	cForwardLoop
	cForwardHops
	cSlotForwarded
	cSlotRejected
	cSlotRingsAlready
	cParallelAgain
	cParallelGone
	cParallelUnsupported
	cParallelNobody
	cParallelNoTrunk
	cParallelBlocked
	cThenBusy
	cThenNoAnswer
	cThenUnregistered
	cAfterBusy
	cAfterNoAnswer
	cAfterUnregistered
	cSystemForward
	cSystemReject
	cSystemAllow
	cSystemVoicemail
	cSystemAnnouncement
	// hunt groups
	cHunt
	cHuntMember
	cHuntMemberGone
	cHuntAgain
	cHuntBusy
	cHuntNoAnswer
	cHuntUnregistered
	// function codes
	cCode
	cCodeOutside
	cCodeIncomplete
	cNoSuchCode
	cPickupGroup
	cPickupNoGroup
	cPickupOwn
	cPickupTogether
	cPickupAllowed
	cPickupForbidden
	codes // how many there are
)

// step is one step of a decision in compact form. Which fields are set follows
// from the code.
type step struct {
	code   code
	slot   *slot
	number *number
	rule   *rule
	set    *ruleset
	entry  *codeEntry
	text   string
	n      int
}

// wording renders one code. In the texts {n} is the number of the step, {owner}
// its owner, {s} the slot, {suser} its user, {text} the text handed in, {count} the count, {limit}
// the number's limit, {ticked} the names of the ticked slots, {rule} the rule with what it stands in, {to} what the rule does.
type wording struct {
	name    string // Reason.Code
	de, en  string
	setting setting
}

// setting says which stored setting a code points to.
type setting uint8

const (
	noSetting setting = iota
	matrixOfSlot
	matrixOfNumber
	slotDND
	slotDefault
	slotMobileNumber
	userDND
	numberWaiting
	numberBusyOnAny
	numberMaxCalls
	numberProfile
	numberSchedule
	userShownInside
	userShownOutside
	userHideInside
	userHideOutside
	userBlocks
	userPIN
	ruleField
	huntMembers
	codeOfAction
	pickupGroups
)

// words returns the wording of a code. It is a switch over constants in one
// place, so that a code without words does not exist (see TestEveryCodeHasWords).
func (c code) words() wording {
	switch c {
	case cNotANumber:
		return wording{"not_a_number", "„{text}“ ist keine Rufnummer.", "“{text}” is not a number.", noSetting}
	case cEmergencyNoTrunk:
		return wording{
			"emergency_no_trunk", "{text} ist ein Notruf; keine Anbindung führt nach außen.",
			"{text} is an emergency call; no trunk leads outside.", noSetting,
		}
	case cOutsideNoTrunk:
		return wording{
			"outside_no_trunk", "{text} ist eine Nummer außerhalb; keine Anbindung führt dorthin.",
			"{text} is an outside number; no trunk leads there.", noSetting,
		}
	case cNoSuchNumber:
		return wording{"no_such_number", "Die Rufnummer {text} gibt es nicht.", "There is no number {text}.", noSetting}
	case cUnsupported:
		return wording{
			"unsupported", "{n} gehört {owner}; diese Art kann noch keine Anrufe annehmen.",
			"{n} belongs to {owner}; this kind cannot take calls yet.", noSetting,
		}
	case cCallerOutside:
		return wording{"caller_outside", "Anruf von außen, gezeigte Nummer: {text}.", "Call from outside, number shown: {text}.", noSetting}
	case cCallerUnknown:
		return wording{"caller_unknown", "Der anrufende Slot ist nicht bekannt.", "The calling slot is not known.", noSetting}
	case cCallerNoTick:
		return wording{
			"caller_no_tick", "Slot {s} von {suser} kann nicht anrufen: für ihn ist keine Rufnummer angehakt.",
			"Slot {s} of {suser} cannot call: no number is ticked for it.", matrixOfSlot,
		}
	case cCallerNotTicked:
		return wording{
			"caller_not_ticked", "Slot {s} wollte {text} zeigen; diese Nummer ist für ihn nicht angehakt.",
			"Slot {s} wanted to show {text}, which is not ticked for it.", matrixOfSlot,
		}
	case cCallerWanted:
		return wording{
			"caller_wanted", "Slot {s} von {suser} ruft an und zeigt wie gewünscht {n}.",
			"Slot {s} of {suser} calls and shows {n} as wanted.", matrixOfSlot,
		}
	case cCallerDefault:
		return wording{
			"caller_default", "Slot {s} von {suser} ruft an und zeigt seine Standardnummer {n}.",
			"Slot {s} of {suser} calls and shows its default number {n}.", slotDefault,
		}
	case cCallerFirst:
		return wording{
			"caller_first", "Slot {s} von {suser} ruft an und zeigt {n}, die erste angehakte Nummer.",
			"Slot {s} of {suser} calls and shows {n}, the first ticked number.", matrixOfSlot,
		}
	default:
		return c.calledWords()
	}
}

// calledWords are the words about the called number and its slots.
func (c code) calledWords() wording {
	switch c {
	case cRow:
		return wording{"row", "{n} gehört {owner}; angehakt: {ticked}.", "{n} belongs to {owner}; ticked: {ticked}.", matrixOfNumber}
	case cRowNoTick:
		return wording{
			"row_no_tick", "{n} gehört {owner}; kein Slot ist angehakt, also gilt die Nummer als nicht angemeldet.",
			"{n} belongs to {owner}; no slot is ticked, so the number counts as not registered.", matrixOfNumber,
		}
	case cBusyOnAny:
		return wording{
			"busy_on_any", "{n} ist besetzt: Sammelbesetzt ist an, und über die Nummer läuft schon ein Gespräch ({count}).",
			"{n} is busy: busy on any is on and a call runs over the number already ({count}).", numberBusyOnAny,
		}
	case cLimit:
		return wording{
			"limit", "{n} ist besetzt: {count} von höchstens {limit} Gesprächen laufen.",
			"{n} is busy: {count} of at most {limit} calls are running.", numberMaxCalls,
		}
	case cSlotRings:
		return wording{"slot_rings", "Slot {s} klingelt.", "Slot {s} rings.", matrixOfNumber}
	case cSlotRingsWaiting:
		return wording{
			"slot_rings_waiting", "Slot {s} ist im Gespräch; Anklopfen ist an, er klingelt.",
			"Slot {s} is in a call; call waiting is on, it rings.", numberWaiting,
		}
	case cSlotNotTicked:
		return wording{"slot_not_ticked", "Slot {s} klingelt nicht: kein Haken bei {n}.", "Slot {s} does not ring: not ticked for {n}.", matrixOfNumber}
	case cSlotIsCaller:
		return wording{
			"slot_is_caller", "Slot {s} klingelt nicht: er ist selbst der Anrufer.",
			"Slot {s} does not ring: it is the caller itself.", noSetting,
		}
	case cSlotUserDND:
		return wording{
			"slot_user_dnd", "Slot {s} klingelt nicht: {suser} möchte nicht gestört werden.",
			"Slot {s} does not ring: {suser} does not want to be disturbed.", userDND,
		}
	case cSlotDND:
		return wording{
			"slot_dnd", "Slot {s} klingelt nicht: für ihn ist „Nicht stören“ an.",
			"Slot {s} does not ring: do not disturb is on for it.", slotDND,
		}
	case cSlotMobileNoTrunk:
		return wording{
			"mobile_no_trunk", "Slot {s} klingelt nicht: keine Anbindung führt zum Mobilgerät.",
			"Slot {s} does not ring: no trunk leads to the mobile phone.", slotMobileNumber,
		}
	case cSlotInCall:
		return wording{
			"slot_in_call", "Slot {s} klingelt nicht: er ist im Gespräch, und Anklopfen ist für {n} aus.",
			"Slot {s} does not ring: it is in a call and call waiting is off for {n}.", numberWaiting,
		}
	case cSlotNotRegistered:
		return wording{
			"slot_not_registered", "Slot {s} klingelt nicht: kein Gerät ist angemeldet.",
			"Slot {s} does not ring: no device is registered.", noSetting,
		}
	case cSlotNumberBusy:
		return wording{
			"slot_number_busy", "Slot {s} klingelt nicht: die Nummer {n} ist besetzt.",
			"Slot {s} does not ring: the number {n} is busy.", noSetting,
		}
	case cSlotCallRefused:
		return wording{
			"slot_call_refused", "Slot {s} klingelt nicht: der Anrufer darf nicht anrufen.",
			"Slot {s} does not ring: the caller may not call.", noSetting,
		}
	case cSlotLoop:
		return wording{
			"slot_loop", "Slot {s} klingelt nicht: der Anruf ist schon zu oft umgeleitet oder läuft im Kreis.",
			"Slot {s} does not ring: the call has been forwarded too often, or goes in a circle.", noSetting,
		}
	case cCameBack:
		return wording{
			"came_back", "Der Anruf läuft im Kreis: er wurde schon von {text} umgeleitet und kommt dorthin zurück.",
			"The call goes in a circle: {text} has forwarded it, and it comes back there.", noSetting,
		}
	case cAllBusy:
		return wording{
			"all_busy", "Kein Slot von {n} ist frei: die Nummer gilt als besetzt.",
			"No slot of {n} is free: the number counts as busy.", noSetting,
		}
	case cNoneRegistered:
		return wording{
			"none_registered", "Kein angehakter Slot von {n} ist erreichbar: die Nummer gilt als nicht angemeldet.",
			"No ticked slot of {n} can be reached: the number counts as not registered.", noSetting,
		}
	default:
		return c.forwardWords()
	}
}
