-- What the stays of a group cost in fen, and the first decile of their whole days (the smallest that a
-- tenth of the stays do not exceed); of groups with enough stays whose cost is stated.
SELECT
    scheme, "group", count(*) AS count,
    sum(fen::HUGEINT) AS total, sum(fen::HUGEINT * fen) AS squares,
    quantile_disc(days, 0.1)::INTEGER AS days_p10
FROM stays
WHERE fen IS NOT NULL
GROUP BY scheme, "group"
HAVING count(*) >= greatest($least, 2)
ORDER BY ALL
