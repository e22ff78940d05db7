-- +goose Up
-- Users that were merged, and those that look like one person's and are not. Every statement can be run again.

CREATE TABLE IF NOT EXISTS apart (
    mark       VARCHAR(64)  NOT NULL PRIMARY KEY, -- what it rests on
    users_json MEDIUMTEXT   NOT NULL,
    actor      VARCHAR(128) NOT NULL,
    at         BIGINT       NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What undoing a merge needs and the audit log does not hold.
CREATE TABLE IF NOT EXISTS merges (
    id     CHAR(26)   NOT NULL PRIMARY KEY,
    at     BIGINT     NOT NULL,
    sealed MEDIUMBLOB NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Calls that went over from the call list of one user to that of another.
CREATE TABLE IF NOT EXISTS merged_calls (
    merge_id       CHAR(26)    NOT NULL,
    user_id        VARCHAR(26) NOT NULL, -- who had it
    seq            BIGINT      NOT NULL,
    direction      VARCHAR(16) NOT NULL,
    kept_direction VARCHAR(16) NOT NULL, -- of the other's own row, empty for none
    PRIMARY KEY (merge_id, user_id, seq)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS merged_calls;
DROP TABLE IF EXISTS merges;
DROP TABLE IF EXISTS apart;
