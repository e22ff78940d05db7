package legacy

import (
	"slices"
	"strings"
)

// wordPair is a message in English and German; %s stands for what differs, in the same order in both.
type wordPair struct{ en, de string }

// messages are all that is said of problems. A test holds the list to the code.
func messages() []wordPair {
	return []wordPair{
		{"is there twice", "gibt es zweimal"},
		{"is empty; the user is called %s", "ist leer; der Benutzer heißt %s"},
		{"%s has characters that 5 does not allow; the user is called %s", "%s enthält Zeichen, die 5 nicht erlaubt; der Benutzer heißt %s"},
		{"%s is the name of account %s already; rename one of them in 4.5", "%s heißt schon das Konto %s; bitte eines davon in 4.5 umbenennen"},
		{"is too long and was cut", "ist zu lang und wurde gekürzt"},
		{"%s %s; left empty", "%s %s; bleibt leer"},
		{"a PIN %s; the user has none", "eine PIN %s; der Benutzer hat keine"},
		{"is easily guessed: it %s; it is kept and should be changed", "ist leicht zu erraten: sie %s; sie bleibt und sollte geändert werden"},
		{"%s is no number of 1 to 15 digits; left out", "%s ist keine Rufnummer aus 1 bis 15 Ziffern; weggelassen"},
		{"%s is the number of %s and of %s; give one of them another number in 4.5", "%s ist die Rufnummer von %s und von %s; bitte in 4.5 eine davon ändern"},
		{"there is no account %s; the SIP account was passed over", "ein Konto %s gibt es nicht; das SIP-Konto wurde übergangen"},
		{"%s has a second SIP account; remove one of them in 4.5", "%s hat ein zweites SIP-Konto; bitte eines davon in 4.5 entfernen"},
		{"%s has no SIP account: the user has neither number nor slot", "%s hat kein SIP-Konto: der Benutzer hat weder Rufnummer noch Slot"},
		{"%s looks like a mobile phone, but has no outside number that can be dialled: the slot becomes a softphone until one is entered", "%s sieht nach einem Mobilgerät aus, hat aber keine wählbare externe Rufnummer: bis eine eingetragen ist, wird der Slot ein Softphone"},
		{"is empty: the slot gets a password of its own, which the phone has to be given", "ist leer: der Slot bekommt ein eigenes Kennwort, das im Telefon einzutragen ist"},
		{"holds characters that SIP cannot carry: the slot gets a password of its own, which the phone has to be given", "enthält Zeichen, die SIP nicht übertragen kann: der Slot bekommt ein eigenes Kennwort, das im Telefon einzutragen ist"},
		{"%s cannot be a SIP user name: the slot gets one of its own, which the phone has to be given", "%s kann kein SIP-Benutzername sein: der Slot bekommt einen eigenen, der im Telefon einzutragen ist"},
		{"%s is the SIP account of %s and of %s; rename one of them in 4.5", "%s ist das SIP-Konto von %s und von %s; bitte eines davon in 4.5 umbenennen"},
		{"%s is no outside number", "%s ist keine externe Rufnummer"},
		{"%s is none of 1 to 8; the standard sound rings", "%s ist keiner von 1 bis 8; es klingelt der Standardton"},
		{"is a date that does not exist: %s", "ist ein Datum, das es nicht gibt: %s"},
		{"cannot be read: %s", "kann nicht gelesen werden: %s"},
		{"there is no account %s; the row was passed over", "ein Konto %s gibt es nicht; die Zeile wurde übergangen"},
		{"there is no account %s", "ein Konto %s gibt es nicht"},
		{"there is no hunt group %s", "einen Sammelanschluss %s gibt es nicht"},
		{"%s is the number of %s; members are numbers of users; left out", "%s ist die Rufnummer von %s; Mitglieder sind Rufnummern von Benutzern; weggelassen"},
		{"%s is a member twice; once is kept", "%s ist zweimal Mitglied; einmal bleibt es"},
		{"is beyond %s members; left out", "ist über %s Mitglieder hinaus; weggelassen"},
		{"is beyond %s numbers that ring as well; left out", "ist über %s mitklingelnde Rufnummern hinaus; weggelassen"},
		{"is beyond %s rules; left out", "ist über %s Regeln hinaus; weggelassen"},
		{"is beyond %s; left out", "ist über %s hinaus; weggelassen"},
		{"%s is not known; all members ring", "%s ist nicht bekannt; alle Mitglieder klingeln"},
		{"is no case or class of callers that is known; the rule was passed over", "ist kein bekannter Fall oder keine bekannte Art von Anrufern; die Regel wurde übergangen"},
		{"rings more numbers, and there are none; the rule was left out", "lässt weitere Rufnummern klingeln, es gibt aber keine; die Regel wurde weggelassen"},
		{"%s is not known; the rule was left out", "%s ist nicht bekannt; die Regel wurde weggelassen"},
		{"is there twice; the first one is kept", "gibt es zweimal; das erste bleibt"},
		{"is empty; the rule was left out", "ist leer; die Regel wurde weggelassen"},
		{"%s is an emergency number, to which calls are not forwarded; the rule was left out", "%s ist eine Notrufnummer, dorthin wird nicht umgeleitet; die Regel wurde weggelassen"},
		{"%s is the number of %s, which cannot take calls in 5 yet; the rule was left out", "%s ist die Rufnummer von %s, was in 5 noch keine Anrufe annehmen kann; die Regel wurde weggelassen"},
		{"%s is no number; the rule was left out", "%s ist keine Rufnummer; die Regel wurde weggelassen"},
		{"there is no number %s; the rule was left out", "eine Rufnummer %s gibt es nicht; die Regel wurde weggelassen"},
		{"goes by times, and there are none; the rule was left out", "richtet sich nach Zeiten, es gibt aber keine; die Regel wurde weggelassen"},
		{"the rule never holds: it has no day, or no time; left out", "die Regel gilt nie: sie hat keinen Tag oder keine Zeit; weggelassen"},
		{"lies before h_from; understood as until the next morning", "liegt vor h_from; verstanden als bis zum nächsten Morgen"},
		{"its times would be the calendar after the %sth; the rule was left out", "ihre Zeiten wären der Kalender nach dem %s.; die Regel wurde weggelassen"},
		{"is empty, and blocks nothing; left out", "ist leer und sperrt nichts; weggelassen"},
		{"%s: %s. These numbers are not blocked for %s until the pattern is written anew", "%s: %s. Diese Rufnummern sind für %s nicht gesperrt, bis das Muster neu geschrieben ist"},
		{"%s: %s. To be written anew when the rule is entered", "%s: %s. Beim Eintragen der Regel neu zu schreiben"},
		{"5 has no groups of type %s; %s was left out", "Gruppen der Art %s gibt es in 5 nicht; %s wurde weggelassen"},
		{"%s has characters that 5 does not allow; the group is called %s", "%s enthält Zeichen, die 5 nicht erlaubt; die Gruppe heißt %s"},
		{"%s is the name of another group already; the group is called %s-%s", "%s heißt schon eine andere Gruppe; die Gruppe heißt %s-%s"},
		{"there is no group %s", "eine Gruppe %s gibt es nicht"},
		{"there is no queue %s", "eine Warteschlange %s gibt es nicht"},
		{"there is no fax line %s", "einen Faxanschluss %s gibt es nicht"},
		{"one of the two groups does not exist in 5; passed over", "eine der beiden Gruppen gibt es in 5 nicht; übergangen"},
		{"%s holds things of type %s and %s of type %s; passed over", "%s enthält Dinge der Art %s und %s solche der Art %s; übergangen"},
		{"%s and %s hold each other; passed over", "%s und %s enthalten einander; übergangen"},
		{"the members of %s come of a query that is not known, and are left out: %s", "die Mitglieder von %s kommen aus einer Abfrage, die nicht bekannt ist, und sind weggelassen: %s"},
		{"%s is a permission that 5 does not have; left out", "%s ist eine Berechtigung, die es in 5 nicht gibt; weggelassen"},
		{"%s is no group of users; left out", "%s ist keine Gruppe von Benutzern; weggelassen"},
		{"there is no group %s; left out", "eine Gruppe %s gibt es nicht; weggelassen"},
		{"%s is no group of type %s; left out", "%s ist keine Gruppe der Art %s; weggelassen"},
		{"there is no pickup group %s", "eine Rufannahmegruppe %s gibt es nicht"},
		{"%s is no MAC address", "%s ist keine MAC-Adresse"},
		{"is neither internal nor external: %s", "ist weder internal noch external: %s"},
		{"is no number: %s", "ist keine Zahl: %s"},
		{"is NULL; the row was passed over", "ist NULL; die Zeile wurde übergangen"},
		{"is no time of day: %s; the row was passed over", "ist keine Uhrzeit: %s; die Zeile wurde übergangen"},
		{"holds UTF-8 in a column of latin1; read as UTF-8", "enthält UTF-8 in einer latin1-Spalte; als UTF-8 gelesen"},
		{"holds bytes that are not UTF-8; read as latin1", "enthält Bytes, die kein UTF-8 sind; als latin1 gelesen"},
		{"was encoded twice; read as it was meant", "war doppelt kodiert; gelesen, wie es gemeint war"},
		{"holds control characters; they were left out", "enthält Steuerzeichen; sie wurden weggelassen"},
		// Why accounts are one person's.
		{"name suffix %s", "Namensendung %s"},
		{"number %s begins with %s", "Rufnummer %s beginnt mit %s"},
		{"same person %s", "dieselbe Person %s"},
		{"same e-mail address %s", "dieselbe E-Mail-Adresse %s"},
		{"parallel call from %s to %s", "Parallelruf von %s auf %s"},
		// Why a phone is not supported.
		{"Aastra is not supported", "Aastra wird nicht unterstützt"},
		{"Gigaset desk phones are not supported; Gigaset DECT is from 5.1.1 on", "Tischtelefone von Gigaset werden nicht unterstützt, Gigaset-DECT ab 5.1.1"},
		{"Unify DECT is supported from 5.1.1 on", "Unify-DECT wird ab 5.1.1 unterstützt"},
		{"Panasonic DECT is not supported", "Panasonic-DECT wird nicht unterstützt"},
		{"Polycom desk phones are not supported", "Tischtelefone von Polycom werden nicht unterstützt"},
		{"Samsung is not supported", "Samsung wird nicht unterstützt"},
		{"Siemens is not supported", "Siemens wird nicht unterstützt"},
		{"a maker that 5 does not know", "ein Hersteller, den 5 nicht kennt"},
		// Parts of others.
		{"hunt group %s", "Sammelanschluss %s"},
		{"fax line %s", "Faxanschluss %s"},
		{"queue %s", "Warteschlange %s"},
		{"voice menu %s", "Sprachmenü %s"},
		{"conference room %s", "Konferenzraum %s"},
		{"nobody", "niemandem"},
		{"lookahead, lookbehind and conditions are not supported, at character %s: %s", "Lookahead, Lookbehind und Bedingungen werden nicht unterstützt, ab Zeichen %s: %s"},
		{"backreferences and this escape are not supported, at character %s: %s", "Rückverweise und diese Escape-Folge werden nicht unterstützt, ab Zeichen %s: %s"},
		{"is longer than %s bytes", "ist länger als %s Bytes"},
		{"matches no number", "passt auf keine Rufnummer"},
		{"is not an e-mail address of at most %s bytes", "ist keine E-Mail-Adresse von höchstens %s Bytes"},
		{"must be %s to %s digits", "muss %s bis %s Ziffern haben"},
		{"is one digit over and over", "besteht aus einer Ziffer"},
		{"counts up or down", "zählt auf- oder abwärts"},
		{"is a number of the user", "ist eine Rufnummer des Benutzers"},
	}
}

// dictionary finds German texts.
type dictionary struct {
	whole map[string]string // messages without anything that differs
	parts []parted
}

type parted struct {
	literals []string
	de       string
}

func newDictionary() *dictionary {
	d := &dictionary{whole: map[string]string{}}
	for _, m := range messages() {
		if !strings.Contains(m.en, "%s") {
			d.whole[m.en] = m.de
			continue
		}
		d.parts = append(d.parts, parted{strings.Split(m.en, "%s"), m.de})
	}
	// Of two that fit, the one that says more is meant.
	said := func(p parted) int { return len(strings.Join(p.literals, "")) }
	slices.SortStableFunc(d.parts, func(a, b parted) int { return said(b) - said(a) })
	return d
}

// german is a message in German; what nobody has translated stays as it is, such as words of the database server.
func (d *dictionary) german(message string) string {
	if de, ok := d.whole[message]; ok {
		return de
	}
	for _, p := range d.parts {
		args, ok := p.match(message)
		if !ok {
			continue
		}
		de := p.de
		for _, a := range args {
			de = strings.Replace(de, "%s", strings.ReplaceAll(d.german(a), "%s", "%\x00s"), 1)
		}
		return strings.ReplaceAll(de, "%\x00s", "%s")
	}
	return message
}

// match takes a message apart; each thing that differs is as short as it can be, but for the last.
func (p parted) match(s string) (args []string, ok bool) {
	rest, ok := strings.CutPrefix(s, p.literals[0])
	if !ok {
		return nil, false
	}
	last := len(p.literals) - 1
	if rest, ok = strings.CutSuffix(rest, p.literals[last]); !ok || rest == "" {
		return nil, false
	}
	for _, l := range p.literals[1:last] {
		at := strings.Index(rest, l)
		if at < 1 {
			return nil, false
		}
		args, rest = append(args, rest[:at]), rest[at+len(l):]
	}
	return append(args, rest), rest != ""
}
