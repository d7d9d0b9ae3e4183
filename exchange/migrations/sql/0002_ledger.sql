-- The ledger's tables and the rules PostgreSQL itself keeps. Everything here is written in sets, so
-- every rule is a statement trigger over the set that was written, never a row trigger.
--
-- Lock order, the same for everyday postings and for batches, so that they cannot deadlock:
--   1. the batch row (batches only)   2. ATTACH: SHARE UPDATE EXCLUSIVE on the parents
--   3. balance rows by ledger account 4. position rows by account, contract
--
-- What this cannot stop: the owner of the schema may disable a trigger, set the posting mark or
-- detach a partition. Services run as a role that has no reason to; reconciliation rebuilds
-- every balance and position from the entries and finds whoever did.

-- Tables.

CREATE SEQUENCE ledger_entry_seq AS bigint;
CREATE SEQUENCE position_entry_seq AS bigint;

CREATE TABLE ledger_entry (
    batch_id bigint NOT NULL DEFAULT 0,
    seq bigint NOT NULL DEFAULT nextval('ledger_entry_seq'),
    journal_id bigint NOT NULL,
    ledger_account_id bigint NOT NULL,
    amount bigint NOT NULL,
    asset_id smallint NOT NULL,
    CONSTRAINT ledger_entry_amount_not_zero CHECK (amount <> 0),
    CONSTRAINT ledger_entry_pkey PRIMARY KEY (batch_id, seq)
) PARTITION BY LIST (batch_id);
CREATE INDEX ledger_entry_account ON ledger_entry (ledger_account_id, journal_id, seq);
CREATE INDEX ledger_entry_journal ON ledger_entry (journal_id, seq);

CREATE TABLE position_entry (
    batch_id bigint NOT NULL DEFAULT 0,
    seq bigint NOT NULL DEFAULT nextval('position_entry_seq'),
    journal_id bigint NOT NULL,
    account_id bigint NOT NULL,
    contract_id bigint NOT NULL,
    quantity bigint NOT NULL,
    cost bigint NOT NULL,
    CONSTRAINT position_entry_moves CHECK (quantity <> 0 OR cost <> 0),
    CONSTRAINT position_entry_pkey PRIMARY KEY (batch_id, seq)
) PARTITION BY LIST (batch_id);
CREATE INDEX position_entry_account ON position_entry (account_id, journal_id, seq);
CREATE INDEX position_entry_journal ON position_entry (journal_id, seq);

-- No DEFAULT partition: ATTACH would have to lock and scan it.
CREATE TABLE ledger_entry_0 PARTITION OF ledger_entry FOR VALUES IN (0);
CREATE TABLE position_entry_0 PARTITION OF position_entry FOR VALUES IN (0);

INSERT INTO batch (id, key, reason, state, cash_legs, position_legs, cash_digest,
                   position_digest, precondition_digest, created_at)
VALUES (0, 'everyday', 'everyday postings', 'posted', 0, 0, '', '', '', now());

-- Half-full pages: an update of a balance stays on its page and touches no index.
ALTER TABLE balance SET (fillfactor = 50);
ALTER TABLE position SET (fillfactor = 50);
ALTER TABLE position ADD CONSTRAINT position_closed_costs_nothing
    CHECK (quantity <> 0 OR cost = 0);

-- Append only.

CREATE FUNCTION books_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation',
              HINT = 'Nothing posted is ever edited; post a journal that reverses it.';
END $$;

CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION books_refuse();
CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry_0
    FOR EACH STATEMENT EXECUTE FUNCTION books_refuse();
CREATE TRIGGER position_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON position_entry
    FOR EACH STATEMENT EXECUTE FUNCTION books_refuse();
CREATE TRIGGER position_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON position_entry_0
    FOR EACH STATEMENT EXECUTE FUNCTION books_refuse();
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION books_refuse();
CREATE TRIGGER ledger_account_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION books_refuse();

-- What the entries name stays what it is: no row-level foreign key guards these, so nothing deletes
-- them, and the terms that give an entry its meaning never change.
CREATE FUNCTION books_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is named by the books: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER books_keep BEFORE DELETE OR TRUNCATE ON exchange_venue
    FOR EACH STATEMENT EXECUTE FUNCTION books_keep();
CREATE TRIGGER books_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON exchange_asset
    FOR EACH STATEMENT EXECUTE FUNCTION books_keep();
CREATE TRIGGER books_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON exchange_contract
    FOR EACH STATEMENT EXECUTE FUNCTION books_keep();
CREATE TRIGGER books_keep
    BEFORE UPDATE OF id, venue_id, customer_id, kind, tape_index OR DELETE OR TRUNCATE
    ON exchange_account
    FOR EACH STATEMENT EXECUTE FUNCTION books_keep();

-- Balances and positions: written by the functions below and by nobody else.

CREATE FUNCTION books_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The mark is set by the SET clause of the moving functions, so it ends with them.
    IF TG_OP IN ('INSERT', 'UPDATE') AND current_setting('makewhole.posting', true) = 'open' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% follows its entries: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation',
              HINT = 'Post a journal; the entries move the ' || TG_TABLE_NAME || '.';
END $$;

CREATE TRIGGER balance_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON balance
    FOR EACH STATEMENT EXECUTE FUNCTION books_guard();
CREATE TRIGGER position_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON position
    FOR EACH STATEMENT EXECUTE FUNCTION books_guard();

-- A ledger account has its balance from birth, at zero. For a customer's wallet
-- zero is the floor, for what a customer owes the ceiling.
CREATE FUNCTION books_open_balances() RETURNS trigger LANGUAGE plpgsql
SET makewhole.posting = 'open' AS $$
DECLARE
    wrong record;
BEGIN
    SELECT n.id, n.venue_id INTO wrong
    FROM new_accounts n
    LEFT JOIN exchange_venue v ON v.id = n.venue_id
    LEFT JOIN exchange_asset s ON s.id = n.asset_id
    LEFT JOIN exchange_account a ON a.id = n.account_id
    LEFT JOIN exchange_contract c ON c.id = n.contract_id
    WHERE v.id IS NULL OR s.id IS NULL
       OR (n.account_id IS NOT NULL AND a.venue_id IS DISTINCT FROM n.venue_id)
       OR (n.contract_id IS NOT NULL AND (c.venue_id, c.settle_id)
           IS DISTINCT FROM (n.venue_id, n.asset_id))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger account % does not belong to venue %', wrong.id, wrong.venue_id
            USING ERRCODE = 'check_violation',
                  HINT = 'Its account and its contract are of the same venue, and a contract '
                         'clears in the asset it settles in.';
    END IF;
    INSERT INTO balance (ledger_account_id, amount, sign, version)
    SELECT n.id, 0, CASE WHEN a.kind IS DISTINCT FROM 'customer' THEN 0
                         WHEN n.kind = 'receivable' THEN -1 ELSE 1 END, 0
    FROM new_accounts n LEFT JOIN exchange_account a ON a.id = n.account_id
    ORDER BY n.id;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_account_balance AFTER INSERT ON ledger_account
    REFERENCING NEW TABLE AS new_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION books_open_balances();

-- Adds `deltas` to the balances of `accounts` (ascending, distinct). Rows are locked in key order
-- first unless the caller has, so two postings queue and never deadlock. Returns how many moved.
-- STRICT: no rows aggregate to null arrays, and nothing is done.
CREATE FUNCTION books_move_balances(accounts bigint[], deltas bigint[],
                                    locked boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql STRICT SET makewhole.posting = 'open' AS $$
DECLARE
    moved bigint;
BEGIN
    IF NOT locked AND cardinality(accounts) > 1 THEN  -- one row needs no order
        PERFORM count(*) FROM (
            SELECT FROM balance WHERE ledger_account_id = ANY (accounts)
            ORDER BY ledger_account_id FOR NO KEY UPDATE) AS locked;
    END IF;
    UPDATE balance AS b
    SET amount = b.amount + m.delta, version = b.version + 1
    FROM unnest(accounts, deltas) AS m (ledger_account_id, delta)
    WHERE b.ledger_account_id = m.ledger_account_id;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality(accounts) THEN
        RAISE EXCEPTION '% of % ledger accounts have no balance',
            cardinality(accounts) - moved, cardinality(accounts)
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN moved;
END $$;

-- The same for positions, keyed by (account, contract); a first movement opens the row at zero.
CREATE FUNCTION books_move_positions(
    accounts bigint[], contracts bigint[], quantities bigint[], costs bigint[],
    locked boolean DEFAULT false
) RETURNS bigint LANGUAGE plpgsql STRICT SET makewhole.posting = 'open' AS $$
DECLARE
    moved bigint;
BEGIN
    INSERT INTO position (account_id, contract_id, quantity, cost, version)
    SELECT m.account_id, m.contract_id, 0, 0, 0
    FROM unnest(accounts, contracts) AS m (account_id, contract_id)
    WHERE NOT EXISTS (SELECT FROM position p
                      WHERE p.account_id = m.account_id AND p.contract_id = m.contract_id)
    ORDER BY m.account_id, m.contract_id
    ON CONFLICT (account_id, contract_id) DO NOTHING;
    IF NOT locked AND cardinality(accounts) > 1 THEN
        PERFORM count(*) FROM (
            SELECT FROM position p JOIN unnest(accounts, contracts) AS m (account_id, contract_id)
                ON p.account_id = m.account_id AND p.contract_id = m.contract_id
            ORDER BY p.account_id, p.contract_id FOR NO KEY UPDATE OF p) AS locked_rows;
    END IF;
    UPDATE position AS p
    SET quantity = p.quantity + m.quantity, cost = p.cost + m.cost, version = p.version + 1
    FROM unnest(accounts, contracts, quantities, costs)
        AS m (account_id, contract_id, quantity, cost)
    WHERE p.account_id = m.account_id AND p.contract_id = m.contract_id;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality(accounts) THEN
        RAISE EXCEPTION '% of % positions were not moved', cardinality(accounts) - moved,
            cardinality(accounts) USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN moved;
END $$;

-- Everyday postings.

CREATE FUNCTION books_post_cash() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT n.batch_id INTO wrong FROM new_legs n WHERE n.batch_id <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entries of batch % can only be attached whole', wrong.batch_id
            USING ERRCODE = 'restrict_violation',
                  HINT = 'Stage, seal and post a batch; a sealed or posted one takes no more.';
    END IF;

    -- The journal exists, is an everyday one, and these are all its legs.
    SELECT s.journal_id, s.legs, j.id AS found, j.batch_id, j.legs AS wanted,
           (SELECT count(*) FROM ledger_entry e
            WHERE e.batch_id = 0 AND e.journal_id = s.journal_id) AS total
    INTO wrong
    FROM (SELECT journal_id, count(*) AS legs FROM new_legs GROUP BY journal_id) AS s
    LEFT JOIN journal j ON j.id = s.journal_id
    WHERE j.id IS NULL OR j.batch_id <> 0 OR j.legs <> s.legs
       OR (SELECT count(*) FROM ledger_entry e
            WHERE e.batch_id = 0 AND e.journal_id = s.journal_id) <> s.legs
    LIMIT 1;
    IF FOUND THEN
        IF wrong.found IS NULL THEN
            RAISE EXCEPTION 'journal % does not exist', wrong.journal_id
                USING ERRCODE = 'foreign_key_violation';
        END IF;
        RAISE EXCEPTION 'journal % has % legs, and % were written (% in all)',
            wrong.journal_id, wrong.wanted, wrong.legs, wrong.total
            USING ERRCODE = 'check_violation',
                  HINT = 'All legs of a journal are written once, by one statement.';
    END IF;

    SELECT n.journal_id, n.asset_id, sum(n.amount) AS excess INTO wrong
    FROM new_legs n GROUP BY n.journal_id, n.asset_id HAVING sum(n.amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal % does not balance: asset % is off by %',
            wrong.journal_id, wrong.asset_id, wrong.excess
            USING ERRCODE = 'check_violation',
                  HINT = 'Debits and credits of each asset sum to zero.';
    END IF;

    SELECT n.ledger_account_id, n.asset_id, a.asset_id AS held, a.venue_id INTO wrong
    FROM (SELECT DISTINCT ledger_account_id, asset_id, journal_id FROM new_legs) AS n
    JOIN journal j ON j.id = n.journal_id
    LEFT JOIN ledger_account a ON a.id = n.ledger_account_id
    WHERE a.id IS NULL OR a.asset_id <> n.asset_id OR a.venue_id <> j.venue_id
    LIMIT 1;
    IF FOUND THEN
        IF wrong.held IS NULL THEN
            RAISE EXCEPTION 'ledger account % does not exist', wrong.ledger_account_id
                USING ERRCODE = 'foreign_key_violation';
        END IF;
        RAISE EXCEPTION 'ledger account % holds asset % of venue %, the leg is in asset %',
            wrong.ledger_account_id, wrong.held, wrong.venue_id, wrong.asset_id
            USING ERRCODE = 'check_violation',
                  HINT = 'A leg is in its ledger account''s asset, at its journal''s venue.';
    END IF;

    PERFORM books_move_balances(array_agg(m.account), array_agg(m.delta))
    FROM (SELECT n.ledger_account_id AS account, sum(n.amount)::bigint AS delta
          FROM new_legs n GROUP BY n.ledger_account_id ORDER BY 1) AS m;
    RETURN NULL;
END $$;

-- On the parent and on the partition: a statement fires the triggers of the table it names.
CREATE TRIGGER ledger_entry_post AFTER INSERT ON ledger_entry
    REFERENCING NEW TABLE AS new_legs
    FOR EACH STATEMENT EXECUTE FUNCTION books_post_cash();
CREATE TRIGGER ledger_entry_post AFTER INSERT ON ledger_entry_0
    REFERENCING NEW TABLE AS new_legs
    FOR EACH STATEMENT EXECUTE FUNCTION books_post_cash();

CREATE FUNCTION books_post_positions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT n.batch_id INTO wrong FROM new_legs n WHERE n.batch_id <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entries of batch % can only be attached whole', wrong.batch_id
            USING ERRCODE = 'restrict_violation',
                  HINT = 'Stage, seal and post a batch; a sealed or posted one takes no more.';
    END IF;

    SELECT s.journal_id, s.legs, j.id AS found, j.position_legs AS wanted,
           (SELECT count(*) FROM position_entry e
            WHERE e.batch_id = 0 AND e.journal_id = s.journal_id) AS total
    INTO wrong
    FROM (SELECT journal_id, count(*) AS legs FROM new_legs GROUP BY journal_id) AS s
    LEFT JOIN journal j ON j.id = s.journal_id
    WHERE j.id IS NULL OR j.batch_id <> 0 OR j.position_legs <> s.legs
       OR (SELECT count(*) FROM position_entry e
            WHERE e.batch_id = 0 AND e.journal_id = s.journal_id) <> s.legs
    LIMIT 1;
    IF FOUND THEN
        IF wrong.found IS NULL THEN
            RAISE EXCEPTION 'journal % does not exist', wrong.journal_id
                USING ERRCODE = 'foreign_key_violation';
        END IF;
        RAISE EXCEPTION 'journal % has % position legs, and % were written (% in all)',
            wrong.journal_id, wrong.wanted, wrong.legs, wrong.total
            USING ERRCODE = 'check_violation',
                  HINT = 'All legs of a journal are written once, by one statement.';
    END IF;

    SELECT n.journal_id, n.contract_id, sum(n.quantity) AS excess INTO wrong
    FROM new_legs n GROUP BY n.journal_id, n.contract_id HAVING sum(n.quantity) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal % does not balance: contract % is off by % contracts',
            wrong.journal_id, wrong.contract_id, wrong.excess
            USING ERRCODE = 'check_violation',
                  HINT = 'Every long has a short; a missing one is held by the outside account.';
    END IF;

    SELECT n.account_id, n.contract_id INTO wrong
    FROM (SELECT DISTINCT account_id, contract_id, journal_id FROM new_legs) AS n
    JOIN journal j ON j.id = n.journal_id
    LEFT JOIN exchange_account a ON a.id = n.account_id AND a.venue_id = j.venue_id
    LEFT JOIN exchange_contract c ON c.id = n.contract_id AND c.venue_id = j.venue_id
    WHERE a.id IS NULL OR c.id IS NULL
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'account % and contract % are not both of the journal''s venue',
            wrong.account_id, wrong.contract_id USING ERRCODE = 'foreign_key_violation';
    END IF;

    PERFORM books_move_positions(array_agg(m.account_id), array_agg(m.contract_id),
                                 array_agg(m.quantity), array_agg(m.cost))
    FROM (SELECT n.account_id, n.contract_id, sum(n.quantity)::bigint AS quantity,
                 sum(n.cost)::bigint AS cost
          FROM new_legs n GROUP BY n.account_id, n.contract_id ORDER BY 1, 2) AS m;
    RETURN NULL;
END $$;
CREATE TRIGGER position_entry_post AFTER INSERT ON position_entry
    REFERENCING NEW TABLE AS new_legs
    FOR EACH STATEMENT EXECUTE FUNCTION books_post_positions();
CREATE TRIGGER position_entry_post AFTER INSERT ON position_entry_0
    REFERENCING NEW TABLE AS new_legs
    FOR EACH STATEMENT EXECUTE FUNCTION books_post_positions();

-- At commit a journal has exactly the legs it says: none is ever seen without them.
CREATE FUNCTION books_journal_complete() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    cash bigint;
    moves bigint;
BEGIN
    SELECT count(*) INTO cash FROM ledger_entry
    WHERE batch_id = NEW.batch_id AND journal_id = NEW.id;
    SELECT count(*) INTO moves FROM position_entry
    WHERE batch_id = NEW.batch_id AND journal_id = NEW.id;
    IF (cash, moves) IS DISTINCT FROM (NEW.legs, NEW.position_legs) OR cash + moves = 0 THEN
        RAISE EXCEPTION 'journal % says % legs and % position legs, and has % and %',
            NEW.id, NEW.legs, NEW.position_legs, cash, moves
            USING ERRCODE = 'check_violation',
                  HINT = 'A journal and its legs are written in one transaction.';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER journal_complete AFTER INSERT ON journal
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION books_journal_complete();

-- Batches.

-- draft > sealed > posted, or discarded before it is posted. What was sealed stays what it was.
CREATE FUNCTION books_batch_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'a batch is never deleted: discard it'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' OR NEW.venue_id IS NULL THEN
            RAISE EXCEPTION 'a batch begins as a draft of one venue'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.venue_id, NEW.key, NEW.reason, NEW.effective_at, NEW.created_at,
        NEW.reverses_id)
       IS DISTINCT FROM
       (OLD.id, OLD.venue_id, OLD.key, OLD.reason, OLD.effective_at, OLD.created_at,
        OLD.reverses_id) THEN
        RAISE EXCEPTION 'batch %: its identity never changes', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (OLD.state, NEW.state) NOT IN (('draft', 'sealed'), ('draft', 'discarded'),
                                      ('sealed', 'posted'), ('sealed', 'discarded')) THEN
        RAISE EXCEPTION 'batch %: no step from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation',
                  HINT = 'draft, sealed, posted; or discarded before it is posted.';
    END IF;
    IF (NEW.state = 'sealed') <> (NEW.sealed_at IS NOT NULL AND OLD.sealed_at IS NULL)
       OR (NEW.state = 'posted') <> (NEW.posted_at IS NOT NULL)
       OR (NEW.state = 'sealed' AND NEW.cash_legs + NEW.position_legs = 0)
       OR (NEW.state = 'sealed' AND '' IN (NEW.cash_digest, NEW.position_digest,
                                           NEW.precondition_digest)) THEN
        RAISE EXCEPTION 'batch %: % without its time, legs and digests', OLD.id, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> 'sealed'
       AND (NEW.cash_legs, NEW.position_legs, NEW.cash_digest, NEW.position_digest,
            NEW.precondition_digest, NEW.sealed_at)
           IS DISTINCT FROM
           (OLD.cash_legs, OLD.position_legs, OLD.cash_digest, OLD.position_digest,
            OLD.precondition_digest, OLD.sealed_at) THEN
        RAISE EXCEPTION 'batch %: counts and digests are frozen by the seal', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER batch_step BEFORE INSERT OR UPDATE OR DELETE ON batch
    FOR EACH ROW EXECUTE FUNCTION books_batch_step();
CREATE TRIGGER batch_keep BEFORE TRUNCATE ON batch
    FOR EACH STATEMENT EXECUTE FUNCTION books_batch_step();

-- The other way round: a partition of the ledger is of a posted batch. Rows that are attached fire no
-- trigger, so the attaching itself is watched. Only a superuser may make an event trigger; without
-- one, reconciliation still finds what was slipped in.
CREATE FUNCTION books_attach_guard() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
    slipped text;
BEGIN
    SELECT c.relname INTO slipped
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    LEFT JOIN batch b ON b.state = 'posted' AND b.id = substring(
        pg_get_expr(c.relpartbound, c.oid) FROM '^FOR VALUES IN \(''?(\d+)''?\)$')::bigint
    WHERE i.inhparent IN (to_regclass('ledger_entry'), to_regclass('position_entry'))
      AND b.id IS NULL
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% is of no posted batch: it is not attached', slipped
            USING ERRCODE = 'restrict_violation',
                  HINT = 'Stage, seal and post a batch.';
    END IF;
END $$;

DO $$
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        CREATE EVENT TRIGGER books_attach_guard ON ddl_command_end
            WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE') EXECUTE FUNCTION books_attach_guard();
    END IF;
END $$;

-- At commit a posted batch is in the ledger: both partitions attached, one journal.
CREATE FUNCTION books_batch_complete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM pg_inherits
        WHERE inhrelid IN (to_regclass('ledger_stage_' || NEW.id),
                           to_regclass('position_stage_' || NEW.id))) <> 2
       OR (SELECT count(*) FROM journal
           WHERE batch_id = NEW.id AND legs = NEW.cash_legs
             AND position_legs = NEW.position_legs) <> 1 THEN
        RAISE EXCEPTION 'batch % is posted and its entries are not in the ledger', NEW.id
            USING ERRCODE = 'check_violation',
                  HINT = 'A batch is posted by attaching its partitions, with one journal.';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER batch_complete AFTER UPDATE ON batch
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.state = 'posted') EXECUTE FUNCTION books_batch_complete();

-- Returns once every transaction that was writing a journal at the call has ended; false when one
-- is still open after `patience`. A writer holds ROW EXCLUSIVE on journal from before its journal's
-- time is read until it commits, so the lock table names them all, and nobody is made to wait for
-- the one who asks.
CREATE FUNCTION books_settle(patience interval) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    over CONSTANT timestamptz := clock_timestamp() + patience;
    writers text[];
BEGIN
    SELECT array_agg(virtualtransaction) INTO writers FROM pg_locks
    WHERE relation = 'journal'::regclass AND mode = 'RowExclusiveLock' AND granted
      AND pid IS DISTINCT FROM pg_backend_pid()
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
    WHILE EXISTS (SELECT FROM pg_locks WHERE relation = 'journal'::regclass
                  AND virtualtransaction = ANY (writers)) LOOP
        IF clock_timestamp() > over THEN
            RETURN false;
        END IF;
        PERFORM pg_sleep(0.002);
    END LOOP;
    RETURN true;
END $$;

-- The digest of a table's rows 1..total in seq order (canonical form: exchange/domain/legs.py).
-- Columns are hashed as PostgreSQL's binary arrays, 65,536 rows at a time: one call per column
-- and chunk instead of one per value, and memory stays bounded.
-- `batch` is given for the stages only: their primary key begins with it, and serves the order.
CREATE FUNCTION books_digest(label text, source regclass, columns text[], header bigint[],
                             total bigint, batch bigint DEFAULT NULL)
RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    chunk_rows CONSTANT bigint := 65536;
    parts bytea := convert_to(label, 'UTF8') || array_send(header || total);
    piece bytea;
    query text;
BEGIN
    SELECT format('SELECT sha256(%s) FROM %s WHERE seq > $1 AND seq <= $2%s',
                  string_agg(format('array_send(array_agg(%I ORDER BY seq))', c), ' || '
                             ORDER BY o), source, ' AND batch_id = ' || batch)
    INTO query FROM unnest(columns) WITH ORDINALITY AS u (c, o);
    FOR chunk IN 0 .. (total + chunk_rows - 1) / chunk_rows - 1 LOOP
        EXECUTE query INTO piece USING chunk * chunk_rows, (chunk + 1) * chunk_rows;
        parts := parts || piece;
    END LOOP;
    RETURN encode(sha256(parts), 'hex');
END $$;
