package backup

import (
	"fmt"
	"time"
)

// Keep says how many scheduled backups are kept: the last good one of so many days, weeks and months.
type Keep struct{ Daily, Weekly, Monthly int }

// keepFailed is how many backups whose trial has failed are kept, the newest ones: who looks for the reason may need them.
const keepFailed = 2

// Surplus says which of the backups, the newest first, go. Only scheduled ones do; those whose trial has failed do not count for a day, and the
// last good one of all never goes. Days are those of zone.
func (k Keep) Surplus(list []Info, zone *time.Location) []Info {
	var out []Info
	days, weeks, months := map[string]bool{}, map[string]bool{}, map[string]bool{}
	failed, good := 0, 0
	for _, i := range list {
		if i.Kind != Scheduled {
			continue
		}
		if i.Problem != "" {
			if failed++; failed > keepFailed {
				out = append(out, i)
			}
			continue
		}
		at := i.Created.In(zone)
		year, week := at.ISOWeek()
		kept := first(days, at.Format(time.DateOnly), k.Daily)
		kept = first(weeks, fmt.Sprint(year, week), k.Weekly) || kept
		kept = first(months, at.Format("2006-01"), k.Monthly) || kept
		if good++; !kept && good > 1 {
			out = append(out, i)
		}
	}
	return out
}

// first reports whether a period has none yet and there may be one more, and takes its place then.
func first(taken map[string]bool, period string, most int) bool {
	if taken[period] || len(taken) >= most {
		return false
	}
	taken[period] = true
	return true
}
