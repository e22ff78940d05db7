-- +goose Up
-- What proves a login besides the password. Every statement can be run again.

CREATE TABLE IF NOT EXISTS login_factors (
    id         TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 26),
    user_id    TEXT    NOT NULL REFERENCES users (id),
    kind       TEXT    NOT NULL CHECK (length(kind) <= 16), -- totp, passkey, recovery
    name       TEXT    NOT NULL CHECK (length(name) <= 128),
    sealed     BLOB    NOT NULL CHECK (length(sealed) <= 16384),
    confirmed  INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    step       INTEGER NOT NULL, -- of the last code that was taken
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL  -- 0: never
) STRICT;
CREATE INDEX IF NOT EXISTS login_factors_user ON login_factors (user_id);

-- +goose Down
