DROP AGGREGATE books_sum(bigint);
