CREATE OR REPLACE FUNCTION campaign_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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
        ('paused', 'sending'), ('sending', 'sent')
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
