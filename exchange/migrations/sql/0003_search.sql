-- By the head of a code, in byte order whatever the database's collation is: also the order in
-- which accounts are listed.
CREATE INDEX account_code_head ON exchange_account (venue_id, code COLLATE "C");

-- By the whole address.
CREATE INDEX customer_address ON exchange_customer (lower(email));

-- By the head of any word of the name. `simple` knows no language: names are in many.
CREATE INDEX customer_name_words ON exchange_customer USING gin (to_tsvector('simple', name));
