-- The sum of bigints as a bigint. sum() keeps 128 bits for each group and gives a numeric, which
-- was a third of sealing a million legs of a hundred thousand accounts. This one refuses
-- ("bigint out of range") as soon as what it has summed is no bigint, so it is wrong for none.
CREATE AGGREGATE books_sum(bigint) (
    SFUNC = int8pl, STYPE = bigint, COMBINEFUNC = int8pl, PARALLEL = SAFE
);
