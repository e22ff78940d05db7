package licence

import (
	"fmt"
	"time"
)

// Code names a reason for programs. It stays the same.
type Code string

// The reasons. The first ones are those of a licence or evaluation in force.
const (
	CodeValid          Code = "valid"
	CodeExpiresSoon    Code = "expires_soon"
	CodeTooManyUsers   Code = "too_many_users"
	CodeEvaluation     Code = "evaluation"
	CodeNone           Code = "none"            // no licence, and the evaluation is over by its days
	CodeEvaluationFull Code = "evaluation_full" // no licence, and there are more users than an evaluation is for
	CodeExpired        Code = "expired"
	CodeNotYet         Code = "not_yet" // the clock is before the day on which it was issued
	CodeWrongVersion   Code = "wrong_version"
	CodeWrongProduct   Code = "wrong_product"
	CodeForged         Code = "forged"
	CodeTruncated      Code = "truncated"
	CodeMalformed      Code = "malformed"
	CodeNoLicence      Code = "no_licence_file"
	CodeTooLarge       Code = "too_large"
	CodeUnknownKey     Code = "unknown_key"
	CodeRevokedKey     Code = "revoked_key"
	CodeKeyTime        Code = "key_time" // issued when its key did not sign
	CodeOtherCompany   Code = "other_company"
)

// Fault is a reason that something is not licensed, in words that say what and what to do.
type Fault struct {
	Code   Code
	De, En string
}

// Error is the English sentence.
func (f *Fault) Error() string { return f.En }

func faultTooLarge() *Fault {
	return &Fault{CodeTooLarge, "Diese Datei ist zu groß für eine Lizenz. Wählen Sie die Datei mit der Endung .lic.", "This file is too large for a licence. Choose the file that ends in .lic."}
}

func faultNoLicence() *Fault {
	return &Fault{
		CodeNoLicence, "Das ist keine Lizenzdatei für Koppelfeld 5. Wählen Sie die Datei mit der Endung .lic; ein Schlüssel für 4.5 gilt hier nicht.",
		"This is no licence file for Koppelfeld 5. Choose the file that ends in .lic; a key for 4.5 does not do.",
	}
}

func faultTruncated() *Fault {
	return &Fault{CodeTruncated, "Die Datei ist abgeschnitten. Laden Sie die Lizenz noch einmal herunter oder lassen Sie sie sich neu schicken.", "The file is cut off. Download the licence again or have it sent once more."}
}

func faultMalformed(what string) *Fault {
	return &Fault{
		CodeMalformed, "Die Lizenz ist nicht so geschrieben, wie es sein muss (" + what + "). Laden Sie die Datei unverändert hoch, wie Sie sie bekommen haben.",
		"The licence is not written as it has to be (" + what + "). Upload the file just as you were given it.",
	}
}

func faultFormat(format string) *Fault {
	return &Fault{
		CodeMalformed, fmt.Sprintf("Diese Art von Lizenz (%.40s) kennt diese Version des Programms nicht. Aktualisieren Sie Koppelfeld oder fragen Sie den Vertrieb.", format),
		fmt.Sprintf("This version of the program does not know this kind of licence (%.40s). Update Koppelfeld or ask whom you have it from.", format),
	}
}

func faultForged() *Fault {
	return &Fault{
		CodeForged, "Die Unterschrift passt nicht zum Inhalt: Die Datei wurde nach dem Ausstellen verändert. Laden Sie sie unverändert hoch, wie Sie sie bekommen haben.",
		"The signature does not fit the content: the file was changed after it was issued. Upload it just as you were given it.",
	}
}

func faultUnknownKey(id string) *Fault {
	return &Fault{
		CodeUnknownKey, fmt.Sprintf("Die Lizenz ist mit einem Schlüssel unterschrieben, den diese Version des Programms nicht kennt (%.64s). Aktualisieren Sie Koppelfeld oder fragen Sie den Vertrieb.", id),
		fmt.Sprintf("The licence is signed with a key that this version of the program does not know (%.64s). Update Koppelfeld or ask whom you have it from.", id),
	}
}

func faultRevoked(id string) *Fault {
	return &Fault{
		CodeRevokedKey, "Der Schlüssel " + id + ", mit dem die Lizenz unterschrieben ist, wurde für ungültig erklärt. Bitten Sie den Vertrieb um eine neue Lizenz.",
		"The key " + id + " that has signed the licence was revoked. Ask for a new licence.",
	}
}

func faultKeyTime(id string) *Fault {
	return &Fault{
		CodeKeyTime, "Die Lizenz ist auf einen Tag ausgestellt, an dem der Schlüssel " + id + " nicht galt. Bitten Sie den Vertrieb um eine neue Lizenz.",
		"The licence was issued on a day on which the key " + id + " did not sign. Ask for a new licence.",
	}
}

func faultProduct(product string) *Fault {
	return &Fault{CodeWrongProduct, "Die Lizenz ist für ein anderes Produkt (" + product + "). Wählen Sie die Datei für Koppelfeld 5.", "The licence is for another product (" + product + "). Choose the file for Koppelfeld 5."}
}

func faultVersion(version int) *Fault {
	return &Fault{
		CodeWrongVersion, fmt.Sprintf("Die Lizenz ist für Version %d; diese Anlage hat Version %d. Bitten Sie den Vertrieb um eine Lizenz für %d.", version, Version, Version),
		fmt.Sprintf("The licence is for version %d; this system has version %d. Ask for a licence for %d.", version, Version, Version),
	}
}

func faultExpired(day time.Time) *Fault {
	return &Fault{
		CodeExpired, "Die Lizenz ist am " + german(day) + " abgelaufen. Laden Sie eine neue hoch.",
		"The licence ended on " + day.Format(time.DateOnly) + ". Upload a new one.",
	}
}

func faultNotYet(day time.Time) *Fault {
	return &Fault{
		CodeNotYet, "Die Lizenz gilt erst ab " + german(day) + ". Wenn dieser Tag vorbei ist, geht die Uhr des Servers falsch: Stellen Sie sie.",
		"The licence begins on " + day.Format(time.DateOnly) + ". If that day has passed, the clock of the server is wrong: set it.",
	}
}

func faultNone() *Fault {
	return &Fault{CodeNone, "Es gibt keine Lizenz für Koppelfeld 5, und die Zeit zum Ausprobieren ist vorbei. Laden Sie eine Lizenz hoch.", "There is no licence for Koppelfeld 5, and the time to try it is over. Upload a licence."}
}

func faultEvaluationFull() *Fault {
	return &Fault{
		CodeEvaluationFull, fmt.Sprintf("Es gibt keine Lizenz für Koppelfeld 5, und ausprobieren kann man es mit höchstens %d Benutzern. Laden Sie eine Lizenz hoch.", EvaluationUsers),
		fmt.Sprintf("There is no licence for Koppelfeld 5, and it can be tried with at most %d users. Upload a licence.", EvaluationUsers),
	}
}

// FaultOtherCompany says that a licence takes the place of one for somebody else.
func FaultOtherCompany(before, after string) *Fault {
	return &Fault{
		CodeOtherCompany, "Die Lizenz ist für " + after + " ausgestellt, die bisherige für " + before + ". Bestätigen Sie, dass das so sein soll.",
		"The licence is for " + after + ", the one before for " + before + ". Confirm that this is meant.",
	}
}

// german writes a day as Germans do.
func german(day time.Time) string { return day.Format("02.01.2006") }
