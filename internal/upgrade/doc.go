// Package upgrade keeps the journal of an upgrade from 4.5 and walks through its steps: what has been begun is written to the disk before it is
// done, so that after a failure, a kill or a loss of power the next run knows where it stands, and the way back is known.
//
// What the steps do is given by internal/app. The package starts no goroutine.
package upgrade
