-- +goose Up
-- Licences as they were installed; the one that has not ended counts. Company, users, valid_until and serial are copies for people.

CREATE TABLE IF NOT EXISTS licences (
    id           TEXT    NOT NULL PRIMARY KEY CHECK (length(id) <= 26),
    document     TEXT    NOT NULL CHECK (length(document) <= 16384),
    company      TEXT    NOT NULL CHECK (length(company) <= 200),
    users        INTEGER NOT NULL,
    valid_until  TEXT    NOT NULL CHECK (length(valid_until) <= 10),
    serial       TEXT    NOT NULL CHECK (length(serial) <= 64),
    installed_at INTEGER NOT NULL,
    installed_by TEXT    NOT NULL CHECK (length(installed_by) <= 128),
    ended_at     INTEGER NOT NULL DEFAULT 0, -- 0: it has not
    ended_by     TEXT    NOT NULL DEFAULT '' CHECK (length(ended_by) <= 128)
) STRICT, WITHOUT ROWID;

-- How long the system has run since it was first started, as far as that matters for trying it.
CREATE TABLE IF NOT EXISTS licence_trial (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    began_at INTEGER NOT NULL,
    seen_at  INTEGER NOT NULL,
    ran_s    INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE IF EXISTS licence_trial;
DROP TABLE IF EXISTS licences;
