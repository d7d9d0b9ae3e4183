-- What the feed said stands: clients hold ids that count its records.

CREATE TRIGGER publication_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON publication
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();
