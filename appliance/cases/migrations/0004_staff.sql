CREATE TABLE staff_pin (
    number     INTEGER PRIMARY KEY CHECK (number = 1),
    generation INTEGER NOT NULL,                        -- counts how often it was set; a session of an earlier one ends
    salt       BLOB NOT NULL,
    hash       BLOB NOT NULL,
    cost       INTEGER NOT NULL,                        -- scrypt's n, r and p when it was set
    block_size INTEGER NOT NULL,
    parallel   INTEGER NOT NULL
) STRICT;

CREATE TABLE pin_failures (                             -- wrong PINs in a row; on the disk, so that a restart forgets none
    place    TEXT PRIMARY KEY CHECK (place IN ('kiosk', 'network')),
    failures INTEGER NOT NULL
) STRICT;

INSERT INTO pin_failures VALUES ('kiosk', 0), ('network', 0);

CREATE TABLE audit (                                    -- who did what; nothing about a patient
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    at          TEXT NOT NULL,
    clock       TEXT NOT NULL CHECK (clock IN ('synced', 'unverified')),
    actor       TEXT NOT NULL,
    action      TEXT NOT NULL,
    case_number INTEGER,                                -- no reference: the line outlives the case
    detail      TEXT NOT NULL DEFAULT '' CHECK (detail NOT GLOB '*[^a-z0-9_., ]*')  -- names of settings and the like
) STRICT;

CREATE INDEX audit_of_case ON audit (case_number, number);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

CREATE TABLE reviews (                                  -- a clinician has looked at the case and is done with it
    case_number INTEGER PRIMARY KEY REFERENCES cases (number) ON DELETE CASCADE,
    at          TEXT NOT NULL,
    clock       TEXT NOT NULL CHECK (clock IN ('synced', 'unverified'))
) STRICT;

CREATE TABLE diagnoses (                                -- what it turned out to be
    case_number INTEGER PRIMARY KEY REFERENCES cases (number) ON DELETE CASCADE,
    diagnosis   TEXT NOT NULL,                          -- one of the eight, or other.<id>
    evidence    TEXT NOT NULL CHECK (evidence IN ('pathology', 'specialist', 'follow_up')),
    at          TEXT NOT NULL,
    clock       TEXT NOT NULL CHECK (clock IN ('synced', 'unverified'))
) STRICT;

CREATE TABLE notes (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    case_number INTEGER NOT NULL REFERENCES cases (number) ON DELETE CASCADE,
    at          TEXT NOT NULL,
    clock       TEXT NOT NULL CHECK (clock IN ('synced', 'unverified')),
    text        TEXT NOT NULL
) STRICT;

CREATE INDEX notes_of_case ON notes (case_number, number);

CREATE TABLE summaries (                                -- of each answer, what the list of cases filters by
    case_number INTEGER PRIMARY KEY REFERENCES answers (case_number) ON DELETE CASCADE,
    outcome     TEXT,
    grade       TEXT,
    likeliest   TEXT
) STRICT;

CREATE TRIGGER answers_are_summed_up AFTER INSERT ON answers BEGIN
    INSERT INTO summaries VALUES (
        new.case_number,
        json_extract(new.document, '$.outcome'),
        json_extract(new.document, '$.risk.grade'),
        json_extract(new.document, '$.findings[0].class')
    );
END;

INSERT INTO summaries
SELECT case_number, json_extract(document, '$.outcome'), json_extract(document, '$.risk.grade'),
       json_extract(document, '$.findings[0].class')
FROM answers;

CREATE INDEX summaries_outcome ON summaries (outcome, case_number);
CREATE INDEX summaries_grade ON summaries (grade, case_number);
CREATE INDEX cases_site ON cases (site, number);
CREATE INDEX cases_taken ON cases (taken_at, number);
