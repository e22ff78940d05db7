-- +goose Up
-- Licences as they were installed; the one that has not ended counts. Company, users, valid_until and serial are copies for people.

CREATE TABLE IF NOT EXISTS licences (
    id           VARCHAR(26)  NOT NULL PRIMARY KEY,
    document     MEDIUMTEXT   NOT NULL,
    company      VARCHAR(200) NOT NULL,
    users        INT          NOT NULL,
    valid_until  VARCHAR(10)  NOT NULL,
    serial       VARCHAR(64)  NOT NULL,
    installed_at BIGINT       NOT NULL,
    installed_by VARCHAR(128) NOT NULL,
    ended_at     BIGINT       NOT NULL DEFAULT 0, -- 0: it has not
    ended_by     VARCHAR(128) NOT NULL DEFAULT ''
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- How long the system has run since it was first started, as far as that matters for trying it.
CREATE TABLE IF NOT EXISTS licence_trial (
    id       INT    NOT NULL PRIMARY KEY,
    began_at BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL,
    ran_s    BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS licence_trial;
DROP TABLE IF EXISTS licences;
