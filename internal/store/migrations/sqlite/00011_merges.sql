-- +goose Up
-- Users that were merged, and those that look like one person's and are not. Every statement can be run again.

CREATE TABLE IF NOT EXISTS apart (
    mark       TEXT    NOT NULL PRIMARY KEY CHECK (length(mark) <= 64), -- what it rests on
    users_json TEXT    NOT NULL CHECK (length(users_json) <= 1048576),
    actor      TEXT    NOT NULL CHECK (length(actor) <= 128),
    at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What undoing a merge needs and the audit log does not hold.
CREATE TABLE IF NOT EXISTS merges (
    id     TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 26),
    at     INTEGER NOT NULL,
    sealed BLOB    NOT NULL CHECK (length(sealed) <= 16000000)
) STRICT;

-- Calls that went over from the call list of one user to that of another.
CREATE TABLE IF NOT EXISTS merged_calls (
    merge_id       TEXT    NOT NULL CHECK (length(merge_id) = 26),
    user_id        TEXT    NOT NULL CHECK (length(user_id) <= 26), -- who had it
    seq            INTEGER NOT NULL,
    direction      TEXT    NOT NULL CHECK (length(direction) <= 16),
    kept_direction TEXT    NOT NULL CHECK (length(kept_direction) <= 16), -- of the other's own row, empty for none
    PRIMARY KEY (merge_id, user_id, seq)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE IF EXISTS merged_calls;
DROP TABLE IF EXISTS merges;
DROP TABLE IF EXISTS apart;
