-- +goose Up
-- Every statement can be run again: a migration that was cut off half way is
-- simply repeated. Times are UTC microseconds since 1970, 0 means "not set".

CREATE TABLE IF NOT EXISTS config_state (
    id        INT          NOT NULL PRIMARY KEY CHECK (id = 1),
    revision  BIGINT       NOT NULL,
    key_check VARBINARY(255) NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS revisions (
    revision BIGINT       NOT NULL PRIMARY KEY,
    token    CHAR(26)     NOT NULL,
    at       BIGINT       NOT NULL,
    actor    VARCHAR(128) NOT NULL,
    source   VARCHAR(128) NOT NULL,
    reason   VARCHAR(500) NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS users (
    id                   CHAR(26)     NOT NULL PRIMARY KEY,
    username             VARCHAR(64)  NOT NULL,
    first_name           VARCHAR(128) NOT NULL,
    last_name            VARCHAR(128) NOT NULL,
    email                VARCHAR(254) NOT NULL,
    language             VARCHAR(16)  NOT NULL,
    time_zone            VARCHAR(64)  NOT NULL,
    dnd                  BOOLEAN      NOT NULL,
    password_hash        VARCHAR(255) NOT NULL,
    must_change_password BOOLEAN      NOT NULL,
    version              BIGINT       NOT NULL,
    matrix_version       BIGINT       NOT NULL,
    created_at           BIGINT       NOT NULL,
    updated_at           BIGINT       NOT NULL,
    UNIQUE KEY users_username (username)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS object_groups (
    id       CHAR(26)     NOT NULL PRIMARY KEY,
    name     VARCHAR(64)  NOT NULL,
    title    VARCHAR(128) NOT NULL,
    type     VARCHAR(16)  NOT NULL,
    built_in BOOLEAN      NOT NULL,
    version  BIGINT       NOT NULL,
    UNIQUE KEY object_groups_name (name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS group_members (
    group_id  CHAR(26)     NOT NULL,
    object_id VARCHAR(128) NOT NULL,
    PRIMARY KEY (group_id, object_id),
    CONSTRAINT group_members_group_id_fk FOREIGN KEY (group_id) REFERENCES object_groups (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS numbers (
    number       VARCHAR(15)  NOT NULL PRIMARY KEY,
    owner_type   VARCHAR(16)  NOT NULL,
    owner_id     VARCHAR(128) NOT NULL,
    position     INT          NOT NULL,
    call_waiting BOOLEAN      NOT NULL,
    busy_on_any  BOOLEAN      NOT NULL,
    max_calls    INT          NOT NULL,
    ring_inside  VARCHAR(16)  NOT NULL,
    ring_outside VARCHAR(16)  NOT NULL,
    display_name VARCHAR(128) NOT NULL,
    version      BIGINT       NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS slots (
    id             CHAR(26)     NOT NULL PRIMARY KEY,
    user_id        CHAR(26)     NOT NULL,
    type           VARCHAR(16)  NOT NULL,
    name           VARCHAR(128) NOT NULL,
    position       INT          NOT NULL,
    dnd            BOOLEAN      NOT NULL,
    default_number VARCHAR(15)  NOT NULL,
    mobile_number  VARCHAR(16)  NOT NULL,
    sip_username   VARCHAR(64), -- NULL for mobile slots
    sip_secret     VARBINARY(255) NOT NULL, -- sealed
    version        BIGINT       NOT NULL,
    UNIQUE KEY slots_sip_username (sip_username),
    KEY slots_user (user_id),
    CONSTRAINT slots_user_id_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS ticks (
    number  VARCHAR(15)  NOT NULL,
    slot_id CHAR(26)     NOT NULL,
    PRIMARY KEY (number, slot_id),
    KEY ticks_slot (slot_id),
    CONSTRAINT ticks_number_fk FOREIGN KEY (number) REFERENCES numbers (number),
    CONSTRAINT ticks_slot_id_fk FOREIGN KEY (slot_id) REFERENCES slots (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS audit (
    id          CHAR(26)     NOT NULL PRIMARY KEY,
    revision    BIGINT       NOT NULL, -- 0 for acts that change no configuration
    at          BIGINT       NOT NULL,
    actor       VARCHAR(128) NOT NULL,
    source      VARCHAR(128) NOT NULL,
    reason      VARCHAR(500) NOT NULL,
    action      VARCHAR(32)  NOT NULL,
    object_type VARCHAR(32)  NOT NULL,
    object_id   VARCHAR(128) NOT NULL,
    object_name VARCHAR(128) NOT NULL,
    before_json MEDIUMTEXT   NOT NULL,
    after_json  MEDIUMTEXT   NOT NULL,
    KEY audit_object (object_type, object_id, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS sessions (
    token_hash BINARY(32)   NOT NULL PRIMARY KEY,
    user_id    CHAR(26)     NOT NULL,
    created_at BIGINT       NOT NULL,
    seen_at    BIGINT       NOT NULL,
    idle_until BIGINT       NOT NULL,
    expires_at BIGINT       NOT NULL,
    remote     VARCHAR(64)  NOT NULL,
    agent      VARCHAR(255) NOT NULL,
    KEY sessions_user (user_id),
    CONSTRAINT sessions_user_id_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS api_tokens (
    id         CHAR(26)     NOT NULL PRIMARY KEY,
    token_hash BINARY(32)   NOT NULL,
    user_id    CHAR(26)     NOT NULL,
    name       VARCHAR(128) NOT NULL,
    scopes     VARCHAR(1000) NOT NULL,
    created_at BIGINT       NOT NULL,
    expires_at BIGINT       NOT NULL, -- 0: never
    used_at    BIGINT       NOT NULL, -- 0: never
    UNIQUE KEY api_tokens_hash (token_hash),
    KEY api_tokens_user (user_id),
    CONSTRAINT api_tokens_user_id_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS records (
    seq       BIGINT      NOT NULL PRIMARY KEY, -- in the order of writing, from 1
    block     BIGINT      NOT NULL, -- seq / 1024: new rows lie together in every index
    id        VARCHAR(26) NOT NULL,
    ended_at  BIGINT      NOT NULL, -- 0 while only the start is known
    class     VARCHAR(16) NOT NULL,
    result    VARCHAR(16) NOT NULL,
    caller    VARCHAR(64) NOT NULL,
    called    VARCHAR(64) NOT NULL,
    number    VARCHAR(64), -- NULL when it is the called one
    from_user VARCHAR(26), -- NULL for none
    to_user   VARCHAR(26), -- NULL for none
    doc       MEDIUMTEXT  NOT NULL, -- the whole record as JSON
    UNIQUE KEY records_id (id),
    KEY records_caller (block, caller),
    KEY records_called (block, called),
    KEY records_number (block, number),
    KEY records_from_user (block, from_user),
    KEY records_to_user (block, to_user)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- +goose Down
