-- +goose Up
-- Every statement can be run again: a migration that was cut off half way is
-- simply repeated. Times are UTC microseconds since 1970, 0 means "not set".

CREATE TABLE IF NOT EXISTS config_state (
    id        INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    revision  INTEGER NOT NULL,
    key_check BLOB    NOT NULL CHECK (length(key_check) <= 255)
) STRICT;

CREATE TABLE IF NOT EXISTS revisions (
    revision INTEGER NOT NULL PRIMARY KEY,
    token    TEXT    NOT NULL CHECK (length(token) = 26),
    at       INTEGER NOT NULL,
    actor    TEXT    NOT NULL CHECK (length(actor) <= 128),
    source   TEXT    NOT NULL CHECK (length(source) <= 128),
    reason   TEXT    NOT NULL CHECK (length(reason) <= 500)
) STRICT;

CREATE TABLE IF NOT EXISTS users (
    id                   TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 26),
    username             TEXT    NOT NULL CHECK (length(username) BETWEEN 1 AND 64),
    first_name           TEXT    NOT NULL CHECK (length(first_name) <= 128),
    last_name            TEXT    NOT NULL CHECK (length(last_name) <= 128),
    email                TEXT    NOT NULL CHECK (length(email) <= 254),
    language             TEXT    NOT NULL CHECK (length(language) <= 16),
    time_zone            TEXT    NOT NULL CHECK (length(time_zone) <= 64),
    dnd                  INTEGER NOT NULL CHECK (dnd IN (0, 1)),
    password_hash        TEXT    NOT NULL CHECK (length(password_hash) <= 255),
    must_change_password INTEGER NOT NULL CHECK (must_change_password IN (0, 1)),
    version              INTEGER NOT NULL,
    matrix_version       INTEGER NOT NULL,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS users_username ON users (username);

CREATE TABLE IF NOT EXISTS object_groups (
    id       TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 26),
    name     TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    title    TEXT    NOT NULL CHECK (length(title) <= 128),
    type     TEXT    NOT NULL CHECK (length(type) <= 16),
    built_in INTEGER NOT NULL CHECK (built_in IN (0, 1)),
    version  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS object_groups_name ON object_groups (name);

CREATE TABLE IF NOT EXISTS group_members (
    group_id  TEXT NOT NULL REFERENCES object_groups (id),
    object_id TEXT NOT NULL CHECK (length(object_id) <= 128),
    PRIMARY KEY (group_id, object_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS numbers (
    number       TEXT    NOT NULL PRIMARY KEY CHECK (length(number) BETWEEN 1 AND 15),
    owner_type   TEXT    NOT NULL CHECK (length(owner_type) <= 16),
    owner_id     TEXT    NOT NULL CHECK (length(owner_id) <= 128),
    position     INTEGER NOT NULL,
    call_waiting INTEGER NOT NULL CHECK (call_waiting IN (0, 1)),
    busy_on_any  INTEGER NOT NULL CHECK (busy_on_any IN (0, 1)),
    max_calls    INTEGER NOT NULL,
    ring_inside  TEXT    NOT NULL CHECK (length(ring_inside) <= 16),
    ring_outside TEXT    NOT NULL CHECK (length(ring_outside) <= 16),
    display_name TEXT    NOT NULL CHECK (length(display_name) <= 128),
    version      INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS slots (
    id             TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 26),
    user_id        TEXT    NOT NULL REFERENCES users (id),
    type           TEXT    NOT NULL CHECK (length(type) <= 16),
    name           TEXT    NOT NULL CHECK (length(name) <= 128),
    position       INTEGER NOT NULL,
    dnd            INTEGER NOT NULL CHECK (dnd IN (0, 1)),
    default_number TEXT    NOT NULL CHECK (length(default_number) <= 15),
    mobile_number  TEXT    NOT NULL CHECK (length(mobile_number) <= 16),
    sip_username   TEXT    CHECK (length(sip_username) BETWEEN 1 AND 64), -- NULL for mobile slots
    sip_secret     BLOB    NOT NULL CHECK (length(sip_secret) <= 255),   -- sealed
    version        INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS slots_sip_username ON slots (sip_username);
CREATE INDEX IF NOT EXISTS slots_user ON slots (user_id);

CREATE TABLE IF NOT EXISTS ticks (
    number  TEXT NOT NULL REFERENCES numbers (number),
    slot_id TEXT NOT NULL REFERENCES slots (id),
    PRIMARY KEY (number, slot_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ticks_slot ON ticks (slot_id);

CREATE TABLE IF NOT EXISTS audit (
    id          TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 26),
    revision    INTEGER NOT NULL, -- 0 for acts that change no configuration
    at          INTEGER NOT NULL,
    actor       TEXT    NOT NULL CHECK (length(actor) <= 128),
    source      TEXT    NOT NULL CHECK (length(source) <= 128),
    reason      TEXT    NOT NULL CHECK (length(reason) <= 500),
    action      TEXT    NOT NULL CHECK (length(action) <= 32),
    object_type TEXT    NOT NULL CHECK (length(object_type) <= 32),
    object_id   TEXT    NOT NULL CHECK (length(object_id) <= 128),
    object_name TEXT    NOT NULL CHECK (length(object_name) <= 128),
    before_json TEXT    NOT NULL,
    after_json  TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS audit_object ON audit (object_type, object_id, id);

CREATE TABLE IF NOT EXISTS sessions (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id    TEXT    NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    idle_until INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    remote     TEXT    NOT NULL CHECK (length(remote) <= 64),
    agent      TEXT    NOT NULL CHECK (length(agent) <= 255)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_user ON sessions (user_id);

CREATE TABLE IF NOT EXISTS api_tokens (
    id         TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 26),
    token_hash BLOB    NOT NULL CHECK (length(token_hash) = 32),
    user_id    TEXT    NOT NULL REFERENCES users (id),
    name       TEXT    NOT NULL CHECK (length(name) <= 128),
    scopes     TEXT    NOT NULL CHECK (length(scopes) <= 1000),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, -- 0: never
    used_at    INTEGER NOT NULL  -- 0: never
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS api_tokens_hash ON api_tokens (token_hash);
CREATE INDEX IF NOT EXISTS api_tokens_user ON api_tokens (user_id);

CREATE TABLE IF NOT EXISTS records (
    seq       INTEGER NOT NULL PRIMARY KEY, -- in the order of writing, from 1
    block     INTEGER NOT NULL, -- seq / 1024: new rows lie together in every index
    id        TEXT    NOT NULL, -- at most 26 bytes
    ended_at  INTEGER NOT NULL, -- 0 while only the start is known
    class     TEXT    NOT NULL,
    result    TEXT    NOT NULL,
    caller    TEXT    NOT NULL,
    called    TEXT    NOT NULL,
    number    TEXT, -- NULL when it is the called one
    from_user TEXT, -- NULL for none
    to_user   TEXT, -- NULL for none
    doc       TEXT    NOT NULL  -- the whole record as JSON
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS records_id ON records (id);
CREATE INDEX IF NOT EXISTS records_caller ON records (block, caller);
CREATE INDEX IF NOT EXISTS records_called ON records (block, called);
CREATE INDEX IF NOT EXISTS records_number ON records (block, number) WHERE number IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_from_user ON records (block, from_user) WHERE from_user IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_to_user ON records (block, to_user) WHERE to_user IS NOT NULL;

-- +goose Down
