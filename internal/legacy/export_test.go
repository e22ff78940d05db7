package legacy

// KnownColumns, for tests.
var KnownColumns = knownColumns
