CREATE TABLE kept (                                     -- where else a case is, as it stands now
    case_number INTEGER PRIMARY KEY REFERENCES cases (number) ON DELETE CASCADE,
    exported    INTEGER NOT NULL DEFAULT 0 CHECK (exported IN (0, 1)),
    backed_up   INTEGER NOT NULL DEFAULT 0 CHECK (backed_up IN (0, 1))
) STRICT;

-- another answer is another result: what was exported before does not have it
CREATE TRIGGER answers_are_kept_nowhere_yet AFTER INSERT ON answers BEGIN
    DELETE FROM kept WHERE case_number = new.case_number;
END;

CREATE TABLE backups (                                  -- those that were read back whole; nothing about a patient
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    at          TEXT NOT NULL,
    clock       TEXT NOT NULL CHECK (clock IN ('synced', 'unverified')),
    age_s       INTEGER NOT NULL,
    cases       INTEGER NOT NULL,
    photographs INTEGER NOT NULL
) STRICT;

CREATE TABLE repairs (                                  -- when the database was put back, and what came of it
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    at       TEXT NOT NULL,
    clock    TEXT NOT NULL CHECK (clock IN ('synced', 'unverified')),
    regained INTEGER NOT NULL,                          -- cases that were younger than the copy
    unlinked INTEGER NOT NULL,                          -- photographs that no case knows of
    missing  INTEGER NOT NULL,                          -- cases whose photograph is gone
    seen     INTEGER NOT NULL DEFAULT 0 CHECK (seen IN (0, 1))
) STRICT;

-- what a clinician adds belongs to the case as well
CREATE TRIGGER reviews_are_kept_nowhere_yet AFTER INSERT ON reviews BEGIN
    DELETE FROM kept WHERE case_number = new.case_number;
END;
CREATE TRIGGER diagnoses_are_kept_nowhere_yet AFTER INSERT ON diagnoses BEGIN
    DELETE FROM kept WHERE case_number = new.case_number;
END;
CREATE TRIGGER diagnoses_changed_are_kept_nowhere_yet AFTER UPDATE ON diagnoses BEGIN
    DELETE FROM kept WHERE case_number = new.case_number;
END;
CREATE TRIGGER notes_are_kept_nowhere_yet AFTER INSERT ON notes BEGIN
    DELETE FROM kept WHERE case_number = new.case_number;
END;
