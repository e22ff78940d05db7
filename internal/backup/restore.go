package backup

const (
	// asidePrefix begins the folder with what was there before a restore.
	asidePrefix = "before-restore-"
	// pendingFile is there while a restore puts its files in place.
	pendingFile = "restore.pending"
	// stateFile says which version has last used the data.
	stateFile = "version.json"
)
