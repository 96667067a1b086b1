-- the words that were agreed to, once for each version: the log explains itself
CREATE TABLE consent_texts (
    version TEXT PRIMARY KEY,                           -- a digest of the words
    words   TEXT NOT NULL
) STRICT;

-- one patient's time at the kiosk, and what they agreed to; it goes with its last photograph
CREATE TABLE visits (
    number         INTEGER PRIMARY KEY AUTOINCREMENT,
    consent_text   TEXT NOT NULL REFERENCES consent_texts (version),
    language       TEXT NOT NULL,
    photo_in_letter INTEGER NOT NULL CHECK (photo_in_letter IN (0, 1)),
    agreed_at      TEXT NOT NULL,
    clock          TEXT NOT NULL CHECK (clock IN ('synced', 'unverified'))
) STRICT;

-- a code and nothing else: no name, no date of birth; NULL: nobody gave one (a phone)
ALTER TABLE cases ADD COLUMN patient TEXT;
ALTER TABLE cases ADD COLUMN visit INTEGER REFERENCES visits (number);
-- an overview shows where the close-up of the same visit and site lies; it is never assessed
ALTER TABLE cases ADD COLUMN view TEXT NOT NULL DEFAULT 'close_up' CHECK (view IN ('overview', 'close_up'));
-- 1: the photograph may be in a referral letter
ALTER TABLE cases ADD COLUMN consent_photo INTEGER NOT NULL DEFAULT 0 CHECK (consent_photo IN (0, 1));

CREATE INDEX cases_of_patient ON cases (patient, site, number);
CREATE INDEX cases_of_visit ON cases (visit);
