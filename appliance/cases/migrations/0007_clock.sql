-- seconds the box has worked, all together: it only grows, whatever the clock says
ALTER TABLE heartbeat ADD COLUMN age_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cases ADD COLUMN age_s INTEGER NOT NULL DEFAULT 0;

-- what the clock was worth when the link was made; links of before have 72 h of working time left
ALTER TABLE links ADD COLUMN clock TEXT NOT NULL DEFAULT 'unverified' CHECK (clock IN ('synced', 'unverified'));
ALTER TABLE links ADD COLUMN issued_age_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE links ADD COLUMN expires_age_s INTEGER NOT NULL DEFAULT 259200;
