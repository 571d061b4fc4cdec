-- Beside the hashes of a tile the roots over each full run of 16 of them: a proof takes these instead of hashing all that
-- stands below them anew. What is kept wrong makes a path that proves nothing. Tiles of before have none, and need none.

ALTER TABLE tile ADD COLUMN middle bytea NOT NULL DEFAULT ''
    CHECK (octet_length(middle) <= 512 AND octet_length(middle) % 32 = 0);
COMMENT ON COLUMN tile.middle IS 'Roots over each full run of 16 of the hashes, 32 bytes apiece; empty where they are not kept.';
