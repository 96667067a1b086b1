-- hash of the secret of the phone that opened the link first; NULL: none has, yet
ALTER TABLE links ADD COLUMN holder TEXT;

CREATE TABLE setup (                                    -- what was said and done at the first start
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
