-- +goose Up
-- What proves a login besides the password. Every statement can be run again.

CREATE TABLE IF NOT EXISTS login_factors (
    id         CHAR(26)     NOT NULL PRIMARY KEY,
    user_id    CHAR(26)     NOT NULL,
    kind       VARCHAR(16)  NOT NULL, -- totp, passkey, recovery
    name       VARCHAR(128) NOT NULL,
    sealed     BLOB         NOT NULL,
    confirmed  BOOLEAN      NOT NULL,
    step       BIGINT       NOT NULL, -- of the last code that was taken
    created_at BIGINT       NOT NULL,
    used_at    BIGINT       NOT NULL, -- 0: never
    KEY login_factors_user (user_id),
    CONSTRAINT login_factors_user_id_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- +goose Down
