-- Events are numbered without a gap and written once; tokens and endpoints end once; deliveries stay.

CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- The lock is held until the commit, so numbers become visible in their order: whoever read up to
-- number n has missed nothing below it. (The service takes the same lock before it counts.)
CREATE FUNCTION event_lock(venue bigint) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtext('makewhole event'), venue::int)
$$;

CREATE FUNCTION event_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
BEGIN
    PERFORM event_lock(NEW.venue_id);
    SELECT coalesce(max(number), 0) INTO last FROM event WHERE venue_id = NEW.venue_id;
    IF NEW.number <> last + 1 THEN
        RAISE EXCEPTION 'event: % does not follow %', NEW.number, last
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER event_follows BEFORE INSERT ON event
    FOR EACH ROW EXECUTE FUNCTION event_follows();

CREATE FUNCTION api_token_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.name, NEW.venue_id, NEW.scope, NEW.key, NEW.hash, NEW.created_by_id, NEW.created_at)
       IS DISTINCT FROM
       (OLD.name, OLD.venue_id, OLD.scope, OLD.key, OLD.hash, OLD.created_by_id, OLD.created_at)
       OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at) THEN
        RAISE EXCEPTION 'api_token: it is what it was made, and revoked for good'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER api_token_guard BEFORE UPDATE ON api_token
    FOR EACH ROW EXECUTE FUNCTION api_token_guard();
CREATE TRIGGER api_token_kept BEFORE DELETE OR TRUNCATE ON api_token
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

CREATE FUNCTION webhook_endpoint_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.name, NEW.venue_id, NEW.url, NEW.kinds, NEW.created_by_id, NEW.created_at)
       IS DISTINCT FROM
       (OLD.name, OLD.venue_id, OLD.url, OLD.kinds, OLD.created_by_id, OLD.created_at)
       OR OLD.retired_at IS NOT NULL THEN
        RAISE EXCEPTION 'webhook_endpoint: only its secret changes, until it is retired'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER webhook_endpoint_guard BEFORE UPDATE ON webhook_endpoint
    FOR EACH ROW EXECUTE FUNCTION webhook_endpoint_guard();
CREATE TRIGGER webhook_endpoint_kept BEFORE DELETE OR TRUNCATE ON webhook_endpoint
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- Queued deliveries end; ended ones may be queued again by a person. They are never taken away.
CREATE FUNCTION webhook_delivery_step_is_legal(was text, becomes text)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT (was, becomes) IN (
        ('queued', 'delivered'), ('queued', 'failed'), ('delivered', 'queued'), ('failed', 'queued')
    )
$$;

CREATE FUNCTION webhook_delivery_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.endpoint_id, NEW.event_id) IS DISTINCT FROM (OLD.endpoint_id, OLD.event_id)
       OR NEW.attempts < OLD.attempts
       OR (NEW.state <> OLD.state
           AND NOT webhook_delivery_step_is_legal(OLD.state, NEW.state)) THEN
        RAISE EXCEPTION 'webhook_delivery: % cannot become %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER webhook_delivery_guard BEFORE UPDATE ON webhook_delivery
    FOR EACH ROW EXECUTE FUNCTION webhook_delivery_guard();
CREATE TRIGGER webhook_delivery_kept BEFORE DELETE OR TRUNCATE ON webhook_delivery
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();
