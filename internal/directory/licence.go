package directory

import "time"

// Licence is a licence as it was installed. What it says is in the document; the other fields are copies for lists.
type Licence struct {
	ID         string // ULID
	Document   string // the signed file
	Company    string
	Users      int
	ValidUntil string // day, such as 2027-11-30
	Serial     string
	Installed  time.Time
	By         string // user name of who installed it
	// Ended is when another took its place or it was removed, and EndedBy who did it; zero for the one that counts.
	Ended   time.Time
	EndedBy string
}
