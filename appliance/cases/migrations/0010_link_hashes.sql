-- who reads the database cannot open a link: of a token only its SHA-256 is kept, in hexadecimal digits
ALTER TABLE links RENAME COLUMN token TO hash;
UPDATE links SET hash = sha256(hash);
