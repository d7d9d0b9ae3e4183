-- Who may be written to by a machine, and the life of a message.

-- Every sender reads this view and none reads the table behind it: a person in the care lane is in
-- no audience, and leaves one the moment a hold is placed.
CREATE VIEW reachable_customer AS
    SELECT c.id, c.venue_id, c.code, c.name, c.email, c.language
    FROM exchange_customer c
    WHERE NOT EXISTS (
        SELECT FROM care_hold h WHERE h.customer_id = c.id AND h.released_at IS NULL
    );

CREATE FUNCTION message_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.campaign_id, NEW.customer_id, NEW.account_id)
       IS DISTINCT FROM (OLD.id, OLD.campaign_id, OLD.customer_id, OLD.account_id) THEN
        RAISE EXCEPTION 'message: whom it is for never changes' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = OLD.state THEN
        IF OLD.state = 'sent' AND NEW IS DISTINCT FROM OLD THEN
            RAISE EXCEPTION 'message: a sent message is a record'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) NOT IN (
        ('queued', 'sending'), ('queued', 'held'),
        ('sending', 'sent'), ('sending', 'failed'), ('sending', 'held'),
        ('held', 'queued'), ('failed', 'queued')
    ) THEN
        RAISE EXCEPTION 'message: no step from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'sending' THEN
        IF NOT EXISTS (
            SELECT FROM campaign WHERE id = NEW.campaign_id AND state = 'sending'
        ) THEN
            RAISE EXCEPTION 'message: its campaign is not being sent'
                USING ERRCODE = 'check_violation';
        END IF;
        IF EXISTS (
            SELECT FROM care_hold WHERE customer_id = NEW.customer_id AND released_at IS NULL
        ) THEN
            RAISE EXCEPTION 'message: this customer is in the care lane'
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER message_guard BEFORE UPDATE ON message
    FOR EACH ROW EXECUTE FUNCTION message_guard();
CREATE TRIGGER message_kept BEFORE DELETE OR TRUNCATE ON message
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- The audience is frozen: rows are added to a draft only, all of them queued and reachable.
CREATE FUNCTION message_audience() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT campaign_id FROM written) w
        JOIN campaign c ON c.id = w.campaign_id WHERE c.state <> 'draft'
    ) THEN
        RAISE EXCEPTION 'message: the audience of this campaign is frozen'
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM written WHERE state <> 'queued') THEN
        RAISE EXCEPTION 'message: begins queued' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM written w JOIN care_hold h
            ON h.customer_id = w.customer_id AND h.released_at IS NULL
    ) THEN
        RAISE EXCEPTION 'message: a customer in the care lane is in no audience'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER message_audience AFTER INSERT ON message
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION message_audience();

CREATE FUNCTION campaign_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' OR NEW.approver_id IS NOT NULL THEN
            RAISE EXCEPTION 'campaign: begins as a draft' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.incident_id, NEW.key, NEW.kind, NEW.plan_id, NEW.maker_id)
       IS DISTINCT FROM (OLD.incident_id, OLD.key, OLD.kind, OLD.plan_id, OLD.maker_id) THEN
        RAISE EXCEPTION 'campaign: what it is never changes' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state <> 'draft' AND (NEW.audience, NEW.audience_digest, NEW.approver_id)
       IS DISTINCT FROM (OLD.audience, OLD.audience_digest, OLD.approver_id) THEN
        RAISE EXCEPTION 'campaign: audience and approver are frozen'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('draft', 'approved'), ('approved', 'sending'), ('sending', 'paused'),
        ('paused', 'sending'), ('sending', 'sent'), ('sent', 'sending')
    ) THEN
        RAISE EXCEPTION 'campaign: no step from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'approved' AND (NEW.approver_id IS NULL OR NEW.audience_digest = '') THEN
        RAISE EXCEPTION 'campaign: approved by nobody, or without an audience'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER campaign_guard BEFORE INSERT OR UPDATE ON campaign
    FOR EACH ROW EXECUTE FUNCTION campaign_guard();
CREATE TRIGGER campaign_kept BEFORE DELETE OR TRUNCATE ON campaign
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();

-- A hold is released by a named person, never removed or rewritten.
CREATE FUNCTION care_hold_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.customer_id, NEW.reason, NEW.placed_by_id, NEW.placed_at)
       IS DISTINCT FROM (OLD.customer_id, OLD.reason, OLD.placed_by_id, OLD.placed_at)
       OR (OLD.released_at IS NOT NULL AND NEW IS DISTINCT FROM OLD) THEN
        RAISE EXCEPTION 'care_hold: a hold is released, never rewritten'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER care_hold_guard BEFORE UPDATE ON care_hold
    FOR EACH ROW EXECUTE FUNCTION care_hold_guard();
CREATE TRIGGER care_hold_kept BEFORE DELETE OR TRUNCATE ON care_hold
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();
