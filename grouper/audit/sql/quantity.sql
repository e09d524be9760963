-- The quantity of an item within a day, 24 hours or a case. At fault are the lines, in their order in
-- time, from which on the sum lies above what is allowed, each with the part that lies above it.
WITH sums AS (
    SELECT
        l.case_no, l.line, l.item, l.day, l.quantity, l.amount, p.rule, p.row, p.level, p.most, p.per,
        sum(l.quantity) OVER before AS total
    FROM known l
    JOIN p_quantity p ON p.item = l.item AND p.per <> 'hours24'
    JOIN (
        SELECT case_no, item, day, p.row
        FROM daily JOIN p_quantity p USING (item)
        WHERE p.per = 'day' AND quantity > p.most AND day >= p.since AND day < p.until
        UNION ALL
        SELECT case_no, item, NULL, p.row
        FROM daily JOIN p_quantity p USING (item)
        WHERE p.per = 'visit' AND (day IS NULL OR (day >= p.since AND day < p.until))
        GROUP BY case_no, item, p.row, p.most
        HAVING sum(quantity) > p.most
    ) over_ ON over_.case_no = l.case_no AND over_.item = l.item AND over_.row = p.row
        AND (over_.day = l.day OR p.per = 'visit')
    WHERE l.day IS NULL OR (l.day >= p.since AND l.day < p.until)
    WINDOW before AS (
        PARTITION BY p.row, l.case_no, l.item, CASE WHEN p.per = 'day' THEN l.day END
        ORDER BY l.second NULLS FIRST, l.quantity, l.amount, l.line
        ROWS UNBOUNDED PRECEDING
    )
),
rolling AS (
    SELECT
        l.case_no, l.line, l.item, l.day, l.quantity, l.amount, p.rule, p.row, p.level, p.most, p.per,
        -- Lines of the same second count one after another.
        sum(l.quantity) OVER span
            - (sum(l.quantity) OVER same - sum(l.quantity) OVER until_now) AS total
    FROM known l
    JOIN p_quantity p ON p.item = l.item AND p.per = 'hours24'
    WHERE l.second IS NOT NULL AND l.day >= p.since AND l.day < p.until
    WINDOW
        span AS (
            PARTITION BY p.row, l.case_no, l.item ORDER BY l.second
            RANGE BETWEEN 86399 PRECEDING AND CURRENT ROW
        ),
        same AS (PARTITION BY p.row, l.case_no, l.item, l.second),
        until_now AS (
            PARTITION BY p.row, l.case_no, l.item, l.second
            ORDER BY l.quantity, l.amount, l.line ROWS UNBOUNDED PRECEDING
        )
),
beyond AS (
    SELECT *, least(quantity, total - most) AS excess
    FROM (FROM sums UNION ALL FROM rolling)
    WHERE total > most AND quantity > 0
)
SELECT
    case_no, rule, row, level,
    list_sort(list(line)) AS lines,
    [item] AS items,
    min(day) AS day,
    max(total)::BIGINT AS observed,
    any_value(most) AS allowed,
    per AS unit,
    sum(part(amount, excess, quantity))::BIGINT AS amount,
    [] AS evidence
FROM beyond
GROUP BY case_no, rule, row, level, item, per, CASE WHEN per = 'day' THEN day END
