DROP TRIGGER publication_append_only ON publication;
