CREATE TABLE cases (
    number          INTEGER PRIMARY KEY AUTOINCREMENT,  -- orders cases; never given twice, whatever the clock says
    code            TEXT NOT NULL UNIQUE,
    state           TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'done')),
    source          TEXT NOT NULL CHECK (source IN ('kiosk', 'phone_camera', 'phone_gallery', 'file')),
    site            TEXT NOT NULL,
    consent         INTEGER NOT NULL CHECK (consent IN (0, 1)),
    taken_at        TEXT NOT NULL,
    clock           TEXT NOT NULL CHECK (clock IN ('synced', 'unverified')),
    photo_id        TEXT NOT NULL UNIQUE,
    sha256          TEXT NOT NULL,
    capture         TEXT,                               -- JSON; NULL: not taken under the box's own light
    simulated       INTEGER NOT NULL CHECK (simulated IN (0, 1)),
    attempts        INTEGER NOT NULL DEFAULT 0,
    idempotency_key TEXT UNIQUE
) STRICT;

CREATE INDEX cases_queued ON cases (number) WHERE state = 'queued';

CREATE TABLE answers (
    case_number INTEGER PRIMARY KEY REFERENCES cases (number) ON DELETE CASCADE,
    document    TEXT NOT NULL,                          -- JSON, dermkiosk.result/1
    class_maps  BLOB                                    -- .npy, float32; NULL where the photo could not be assessed
) STRICT;

CREATE TABLE links (
    token       TEXT PRIMARY KEY,
    case_number INTEGER NOT NULL REFERENCES cases (number) ON DELETE CASCADE,
    expires_at  TEXT NOT NULL
) STRICT;

CREATE INDEX links_of_case ON links (case_number);

CREATE TABLE deletions (                                -- the audit of what was deleted; nothing about a patient
    case_number INTEGER PRIMARY KEY,
    at          TEXT NOT NULL,
    clock       TEXT NOT NULL CHECK (clock IN ('synced', 'unverified')),
    photo_id    TEXT,                                   -- of the file still to be removed; NULL: it is gone
    erased      INTEGER NOT NULL DEFAULT 0 CHECK (erased IN (0, 1))  -- 1: photo and traces are gone, too
) STRICT;

CREATE TABLE heartbeat (                                -- written now and then to prove that one can write
    number INTEGER PRIMARY KEY CHECK (number = 1),
    beats  INTEGER NOT NULL
) STRICT;

INSERT INTO heartbeat VALUES (1, 0);
