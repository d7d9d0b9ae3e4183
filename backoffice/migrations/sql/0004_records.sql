-- The audit chain, and the records that are written once: notices, facts, awards.

INSERT INTO audit_head (id, number, hash) VALUES (1, 0, repeat('0', 64));

-- The hash of an event. jsonb's own text is the canonical form (keys by length then bytes, one
-- space after a comma and a colon, no floats are ever written), led by a version byte; times are
-- whole microseconds of UTC. `backoffice/services/canonical.py` writes the same bytes in Python.
CREATE FUNCTION audit_hash(
    number bigint, at timestamptz, actor bigint, action text, subject text, data jsonb, previous text
) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to('1' || jsonb_build_array(
        number, (extract(epoch FROM at) * 1000000)::bigint, actor, action, subject, data, previous
    )::text, 'UTF8')), 'hex')
$$;

CREATE FUNCTION audit_event_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head audit_head%ROWTYPE;
BEGIN
    SELECT * INTO head FROM audit_head WHERE id = 1 FOR UPDATE;
    IF NEW.number <> head.number + 1 OR NEW.previous <> head.hash THEN
        RAISE EXCEPTION 'audit_event: % does not follow %', NEW.number, head.number
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.hash <> audit_hash(
        NEW.number, NEW.at, NEW.actor_id, NEW.action, NEW.subject, NEW.data, NEW.previous
    ) THEN
        RAISE EXCEPTION 'audit_event: % has another hash than its content', NEW.number
            USING ERRCODE = 'check_violation';
    END IF;
    UPDATE audit_head SET number = NEW.number, hash = NEW.hash WHERE id = 1;
    RETURN NULL;
END $$;

CREATE TRIGGER audit_event_chain AFTER INSERT ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_chain();
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- The head moves by one and only onto an event that is there.
CREATE FUNCTION audit_head_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number <> OLD.number + 1 OR NOT EXISTS (
        SELECT FROM audit_event
        WHERE number = NEW.number AND hash = NEW.hash AND previous = OLD.hash
    ) THEN
        RAISE EXCEPTION 'audit_head: moves with the chain only'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER audit_head_guard BEFORE UPDATE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION audit_head_guard();
CREATE TRIGGER audit_head_kept BEFORE DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

CREATE TRIGGER notice_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON notice_version
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();
CREATE TRIGGER fact_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fact
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();
CREATE TRIGGER award_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON award
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- A promise is kept once, at an instant that then stands; its words and its time never move.
CREATE FUNCTION promise_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.incident_id, NEW.text, NEW.due_at, NEW.made_by_id, NEW.made_at)
       IS DISTINCT FROM (OLD.incident_id, OLD.text, OLD.due_at, OLD.made_by_id, OLD.made_at)
       OR (OLD.kept_at IS NOT NULL AND NEW.kept_at IS DISTINCT FROM OLD.kept_at) THEN
        RAISE EXCEPTION 'promise: what was promised stands' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER promise_guard BEFORE UPDATE ON promise
    FOR EACH ROW EXECUTE FUNCTION promise_guard();
CREATE TRIGGER promise_kept BEFORE DELETE OR TRUNCATE ON promise
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- A programme's rules never change: another rule is another programme. Its plan is set once.
CREATE FUNCTION programme_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.incident_id, NEW.name, NEW.asset_id, NEW.percent_bp, NEW.cap, NEW.de_minimis,
        NEW.budget, NEW.maker_id, NEW.created_at)
       IS DISTINCT FROM
       (OLD.incident_id, OLD.name, OLD.asset_id, OLD.percent_bp, OLD.cap, OLD.de_minimis,
        OLD.budget, OLD.maker_id, OLD.created_at)
       OR (OLD.plan_id IS NOT NULL AND NEW.plan_id IS DISTINCT FROM OLD.plan_id) THEN
        RAISE EXCEPTION 'programme: its rules are locked' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER programme_guard BEFORE UPDATE ON programme
    FOR EACH ROW EXECUTE FUNCTION programme_guard();
CREATE TRIGGER programme_kept BEFORE DELETE OR TRUNCATE ON programme
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- Awards stay inside their programme's cap and budget whoever writes them.
CREATE FUNCTION award_within_programme() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM written w JOIN programme p ON p.id = w.programme_id
        WHERE w.amount > p.cap OR w.amount < p.de_minimis OR p.plan_id IS NOT NULL
           OR w.amount <> least(
                floor(w.loss::numeric * p.percent_bp / 10000)::bigint, p.cap)
    ) THEN
        RAISE EXCEPTION 'award: not what the programme gives' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM award a JOIN programme p ON p.id = a.programme_id
        WHERE a.programme_id IN (SELECT programme_id FROM written)
        GROUP BY p.id, p.budget HAVING sum(a.amount) > p.budget
    ) THEN
        RAISE EXCEPTION 'award: the awards are over the budget of their programme'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER award_within_programme AFTER INSERT ON award
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION award_within_programme();
