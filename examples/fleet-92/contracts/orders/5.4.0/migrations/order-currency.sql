SET lock_timeout = '500ms';
ALTER TABLE orders ADD COLUMN currency text;
