-- +goose Up
-- To whom a call belongs: caller, callee, those at whose phones it rang, and those whose numbers passed it on.

CREATE TABLE IF NOT EXISTS person_calls (
    user_id   VARCHAR(26) NOT NULL,
    seq       BIGINT      NOT NULL, -- of the record
    direction VARCHAR(16) NOT NULL, -- out, in, missed, forwarded, elsewhere
    PRIMARY KEY (user_id, seq)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS person_seen (
    user_id VARCHAR(26) NOT NULL PRIMARY KEY,
    seq     BIGINT      NOT NULL -- missed calls up to this record have been seen
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Records that are there already belong to caller and callee.
INSERT INTO person_calls (user_id, seq, direction)
SELECT from_user, seq, 'out' FROM records AS r
WHERE from_user IS NOT NULL AND ended_at <> 0 AND NOT EXISTS (SELECT 1 FROM person_calls AS p WHERE p.user_id = r.from_user AND p.seq = r.seq);
INSERT INTO person_calls (user_id, seq, direction)
SELECT to_user, seq, CASE WHEN result IN ('answered', 'interrupted', 'declined') THEN 'in' ELSE 'missed' END FROM records AS r
WHERE to_user IS NOT NULL AND ended_at <> 0 AND result <> 'rejected'
  AND NOT EXISTS (SELECT 1 FROM person_calls AS p WHERE p.user_id = r.to_user AND p.seq = r.seq);

-- +goose Down
DROP TABLE IF EXISTS person_seen;
DROP TABLE IF EXISTS person_calls;
