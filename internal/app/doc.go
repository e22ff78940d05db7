// Package app is the composition root: it makes every part, joins them, runs
// them and stops them in reverse. It is the only package that may import all
// others, and it holds no telephony of its own.
//
// New binds all addresses and opens all files, so that a fault is reported before
// anything runs. Run owns every part's goroutine and returns after all have ended.
package app
