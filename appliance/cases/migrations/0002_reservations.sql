-- photographs of the same spot that the gate refused before this one
ALTER TABLE cases ADD COLUMN refused_before INTEGER NOT NULL DEFAULT 0;
-- 1: somebody wants an answer although the gate refused it
ALTER TABLE cases ADD COLUMN reservation INTEGER NOT NULL DEFAULT 0 CHECK (reservation IN (0, 1));
