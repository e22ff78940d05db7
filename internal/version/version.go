// Package version names the program.
package version

// Name is the product's name as it appears in User-Agent and Server headers.
const Name = "Koppelfeld"

// Version is set by the linker (see Makefile); "dev" in other builds.
var Version = "dev"

// String returns name and version, such as "Koppelfeld/5.0.0".
func String() string { return Name + "/" + Version }
