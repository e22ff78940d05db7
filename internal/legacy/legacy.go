// Package legacy reads the database of a 4.5 system and makes of it what Koppelfeld 5 has for it, with a report of what comes along, what
// stays behind and what is wrong.
//
//	Open ─▶ Source.Read ─▶ Data ─▶ Convert ─▶ Conversion ─▶ NewReport ─▶ Report
//
// Reading asks the information_schema what there is and writes nothing: it is one read-only transaction, which sees the database
// at one moment and holds up nobody. Convert is pure: no SQL, no clock. The package starts no goroutine.
package legacy
