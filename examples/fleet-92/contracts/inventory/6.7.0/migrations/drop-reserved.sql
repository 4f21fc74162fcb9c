SET lock_timeout = '500ms';
ALTER TABLE stock DROP COLUMN reserved;
