-- When each case was last changed, in the order of the changes. What an export or a backup has read is known by the
-- number that was the last when it began: two may go on at once, so a row in kept alone does not say whose it is.
CREATE TABLE changes (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    case_number INTEGER NOT NULL UNIQUE REFERENCES cases (number) ON DELETE CASCADE
) STRICT;

CREATE TRIGGER answers_are_changes AFTER INSERT ON answers BEGIN
    DELETE FROM changes WHERE case_number = new.case_number;
    INSERT INTO changes (case_number) VALUES (new.case_number);
END;
CREATE TRIGGER reviews_are_changes AFTER INSERT ON reviews BEGIN
    DELETE FROM changes WHERE case_number = new.case_number;
    INSERT INTO changes (case_number) VALUES (new.case_number);
END;
CREATE TRIGGER diagnoses_are_changes AFTER INSERT ON diagnoses BEGIN
    DELETE FROM changes WHERE case_number = new.case_number;
    INSERT INTO changes (case_number) VALUES (new.case_number);
END;
CREATE TRIGGER diagnoses_changed_are_changes AFTER UPDATE ON diagnoses BEGIN
    DELETE FROM changes WHERE case_number = new.case_number;
    INSERT INTO changes (case_number) VALUES (new.case_number);
END;
CREATE TRIGGER notes_are_changes AFTER INSERT ON notes BEGIN
    DELETE FROM changes WHERE case_number = new.case_number;
    INSERT INTO changes (case_number) VALUES (new.case_number);
END;
