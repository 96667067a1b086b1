CREATE TABLE places (                                   -- where to send a patient, as the clinic imported it
    number         INTEGER PRIMARY KEY,                 -- the order in the clinic's file
    name           TEXT NOT NULL,
    district       TEXT NOT NULL,
    level          TEXT NOT NULL CHECK (level IN ('clinic', 'county', 'city')),
    specialties    TEXT NOT NULL DEFAULT '',
    phone          TEXT NOT NULL DEFAULT '',
    address        TEXT NOT NULL DEFAULT '',
    travel_minutes INTEGER,
    distance_km    REAL
) STRICT;

CREATE TABLE pathway (                                  -- what a grade means in this clinic
    grade TEXT PRIMARY KEY CHECK (grade IN ('low', 'refer', 'urgent')),
    level TEXT NOT NULL CHECK (level IN ('self_care', 'clinic', 'county', 'city')),
    days  INTEGER CHECK (days BETWEEN 0 AND 365)        -- within so many, 0: today; NULL: no hurry
) STRICT;

INSERT INTO pathway VALUES ('low', 'self_care', 28), ('refer', 'county', 14), ('urgent', 'county', 0);
