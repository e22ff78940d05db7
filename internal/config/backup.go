package config

// Backup configures backups.
type Backup struct {
	// BeforeUpdate makes a backup before the database is brought to the schema of a later version (default true).
	BeforeUpdate *bool `toml:"before_update"`
}

// BeforeUpdateOn reports whether a backup is made before an update of the database.
func (b Backup) BeforeUpdateOn() bool { return b.BeforeUpdate == nil || *b.BeforeUpdate }
