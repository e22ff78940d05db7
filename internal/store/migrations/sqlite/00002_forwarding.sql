-- +goose Up
-- Every statement can be run again. Structured parts are JSON, empty for none;
-- the columns that version 3 adds to users and numbers are in columns.go.

CREATE TABLE IF NOT EXISTS profiles (
    id            TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 26),
    user_id       TEXT    NOT NULL REFERENCES users (id),
    name          TEXT    NOT NULL CHECK (length(name) <= 128),
    position      INTEGER NOT NULL,
    table_json    TEXT    NOT NULL CHECK (length(table_json) <= 1048576),
    extended_json TEXT    NOT NULL CHECK (length(extended_json) <= 1048576),
    version       INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS profiles_user ON profiles (user_id);

CREATE TABLE IF NOT EXISTS calendars (
    id        TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 26),
    name      TEXT    NOT NULL CHECK (length(name) <= 128),
    spec_json TEXT    NOT NULL CHECK (length(spec_json) <= 1048576),
    version   INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS forwarding_rules (
    id          TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 26),
    position    INTEGER NOT NULL,
    name        TEXT    NOT NULL CHECK (length(name) <= 128),
    enabled     INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    when_json   TEXT    NOT NULL CHECK (length(when_json) <= 1048576),
    action_json TEXT    NOT NULL CHECK (length(action_json) <= 1048576),
    tests_json  TEXT    NOT NULL CHECK (length(tests_json) <= 1048576),
    version     INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS hunt_groups (
    id             TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 26),
    name           TEXT    NOT NULL CHECK (length(name) <= 128),
    number         TEXT    NOT NULL CHECK (length(number) BETWEEN 1 AND 15), -- the row of numbers is owned by this group
    strategy       TEXT    NOT NULL CHECK (length(strategy) <= 16),
    members_json   TEXT    NOT NULL CHECK (length(members_json) <= 1048576),
    member_seconds INTEGER NOT NULL,
    seconds        INTEGER NOT NULL,
    overflow_json  TEXT    NOT NULL CHECK (length(overflow_json) <= 1048576),
    version        INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS pickup_groups (
    id         TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 26),
    name       TEXT    NOT NULL CHECK (length(name) <= 128),
    users_json TEXT    NOT NULL CHECK (length(users_json) <= 1048576),
    version    INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS grants (
    group_name TEXT NOT NULL CHECK (length(group_name) <= 64),
    permission TEXT NOT NULL CHECK (length(permission) <= 32),
    objects    TEXT NOT NULL CHECK (length(objects) <= 64), -- name of a group, or empty
    PRIMARY KEY (group_name, permission, objects)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS function_codes (
    action  TEXT    NOT NULL PRIMARY KEY CHECK (length(action) <= 32),
    code    TEXT    NOT NULL CHECK (length(code) <= 8),
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
