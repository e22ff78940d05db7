//go:build !race

package media

// underRace says that the race detector watches.
const underRace = false
