-- +goose Up
-- Every statement can be run again. Structured parts are JSON, empty for none;
-- the columns that version 3 adds to users and numbers are in columns.go.

CREATE TABLE IF NOT EXISTS profiles (
    id            CHAR(26)     NOT NULL PRIMARY KEY,
    user_id       CHAR(26)     NOT NULL,
    name          VARCHAR(128) NOT NULL,
    position      INT          NOT NULL,
    table_json    MEDIUMTEXT   NOT NULL,
    extended_json MEDIUMTEXT   NOT NULL,
    version       BIGINT       NOT NULL,
    KEY profiles_user (user_id),
    CONSTRAINT profiles_user_id_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS calendars (
    id        CHAR(26)     NOT NULL PRIMARY KEY,
    name      VARCHAR(128) NOT NULL,
    spec_json MEDIUMTEXT   NOT NULL,
    version   BIGINT       NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS forwarding_rules (
    id          CHAR(26)     NOT NULL PRIMARY KEY,
    position    INT          NOT NULL,
    name        VARCHAR(128) NOT NULL,
    enabled     BOOLEAN      NOT NULL,
    when_json   MEDIUMTEXT   NOT NULL,
    action_json MEDIUMTEXT   NOT NULL,
    tests_json  MEDIUMTEXT   NOT NULL,
    version     BIGINT       NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS hunt_groups (
    id             CHAR(26)     NOT NULL PRIMARY KEY,
    name           VARCHAR(128) NOT NULL,
    number         VARCHAR(15)  NOT NULL, -- the row of numbers is owned by this group
    strategy       VARCHAR(16)  NOT NULL,
    members_json   MEDIUMTEXT   NOT NULL,
    member_seconds INT          NOT NULL,
    seconds        INT          NOT NULL,
    overflow_json  MEDIUMTEXT   NOT NULL,
    version        BIGINT       NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS pickup_groups (
    id         CHAR(26)     NOT NULL PRIMARY KEY,
    name       VARCHAR(128) NOT NULL,
    users_json MEDIUMTEXT   NOT NULL,
    version    BIGINT       NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS grants (
    group_name VARCHAR(64) NOT NULL,
    permission VARCHAR(32) NOT NULL,
    objects    VARCHAR(64) NOT NULL, -- name of a group, or empty
    PRIMARY KEY (group_name, permission, objects)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS function_codes (
    action  VARCHAR(32) NOT NULL PRIMARY KEY,
    code    VARCHAR(8)  NOT NULL,
    enabled BOOLEAN     NOT NULL,
    version BIGINT      NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- +goose Down
